"""A worker that is away for longer than its lease: what it does when it comes back changes nothing."""

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from tieline.contracts.sync import RunCompleted
from tieline.settings import MongoSettings
from tieline_simulators import ServiceNowSimulator, running
from tieline_sync.adapters.mongo.database import Database
from tieline_sync.adapters.mongo.raw_pages import MongoRawPages
from tieline_sync.adapters.mongo.runs import MongoRunStore
from tieline_sync.domain.errors import LeaseLostError
from tieline_sync.domain.records import Pick
from tieline_sync.domain.runs import Outcome, Run
from tieline_sync.ports import StoredPage

from tests.integration.sync.bench import SyncBench, distinct
from tests.integration.sync.test_kill_matrix import stored_records, told
from tests.integration.sync.test_published_stream import incidents
from tests.support.registry_stub import WORKSPACE
from tests.support.sync_process import sync_process

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
TTL = timedelta(seconds=20)


def a_run(run_id: str, integration_id: str = "i1") -> Run:
    return Run(
        id=run_id,
        workspace_id=WORKSPACE,
        integration_id=integration_id,
        trigger="manual",
        requested_by="user-1",
        requested_at=NOW,
        batch_size=5,
        events_partition=0,
        events_from=0,
    )


def a_page(run: Run, body: bytes) -> StoredPage:
    return StoredPage(
        run_id=run.id,
        number=0,
        body=body,
        picks=[Pick(0, is_known=False)],
        picked_before=0,
        new_before=0,
        rows=1,
        fetched_at=NOW,
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )


async def test_write_with_an_older_token_is_refused(mongo_server: str, mongo_database: str) -> None:
    database = Database(MongoSettings(url=SecretStr(mongo_server), database=mongo_database))
    await database.apply_indexes()
    runs, pages = MongoRunStore(database), MongoRawPages(database)
    await runs.add(a_run("r1"))
    first = await runs.lease("worker-1", now=NOW, ttl=TTL)
    meanwhile = await runs.lease("worker-2", now=NOW + TTL / 2, ttl=TTL)
    second = await runs.lease("worker-2", now=NOW + TTL, ttl=TTL)
    assert first is not None
    assert second is not None
    await pages.put(first, a_page(first, b"read first"))
    await pages.put(second, a_page(second, b"read again"))

    late = [
        runs.renew(first, until=NOW + 2 * TTL),
        runs.save(first, progressed=True),
        runs.release(first, next_attempt_at=NOW, error=None, counts=True),
        runs.finish(replace(first, outcome=Outcome(state="completed", at=NOW)), expires_at=NOW),
        pages.put(first, a_page(first, b"read long ago")),
    ]
    for write in late:
        with pytest.raises(LeaseLostError):
            await write
    kept = await pages.get("r1", 0)
    await runs.save(second)

    assert meanwhile is None
    assert kept is not None
    assert kept.body == b"read again"
    await database.close()


async def test_worker_that_is_stopped_and_wakes_up_late_doubles_nothing(bench: SyncBench, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    database = Database(bench.settings.mongo)
    settings = bench.with_runs(page_size=50)
    async with running(servicenow=ServiceNowSimulator(incidents(120))) as addresses:
        undisturbed, disturbed, later = (bench.servicenow(addresses["servicenow"]) for _ in range(3))
        async with bench.worker(settings):
            calm = await bench.log.until_over(await bench.start(undisturbed))
        async with sync_process(settings, log) as process:
            run_id = await bench.start(disturbed)
            await bench.log.until(lambda: len(bench.log.of(run_id)) > 8)
            process.send_signal(signal.SIGSTOP)
            try:
                async with bench.worker(settings):
                    published = await bench.log.until_over(run_id)
            finally:
                process.send_signal(signal.SIGCONT)
            # Past the command's consumer group, to which its return would be news for a while.
            await MongoRunStore(database).add(a_run("later", later))
            again = await bench.log.until_over("later", within=60)

    assert isinstance(published[-1].event, RunCompleted)
    assert isinstance(again[-1].event, RunCompleted)
    assert told(bench.log.of(run_id)) == told(calm)
    assert [event.sequence for event in distinct(bench.log.of(run_id))] == list(range(len(distinct(calm))))
    assert await stored_records(bench, disturbed) == await stored_records(bench, undisturbed)
    await database.close()
