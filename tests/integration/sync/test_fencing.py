"""A worker that is away for longer than its lease: what it does when it comes back changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from tieline.settings import MongoSettings
from tieline_sync.adapters.mongo.database import Database
from tieline_sync.adapters.mongo.raw_pages import MongoRawPages
from tieline_sync.adapters.mongo.runs import MongoRunStore
from tieline_sync.domain.errors import LeaseLostError
from tieline_sync.domain.records import Pick
from tieline_sync.domain.runs import Outcome, Run
from tieline_sync.ports import StoredPage

from tests.support.registry_stub import WORKSPACE

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
TTL = timedelta(seconds=20)


def a_run(run_id: str) -> Run:
    return Run(
        id=run_id,
        workspace_id=WORKSPACE,
        integration_id="i1",
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
