"""A worker killed at any point of a run: another one ends it with the data and events of an undisturbed run."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from tieline.contracts.sync import RunCompleted
from tieline_simulators import ServiceNowSimulator, running
from tieline_sync.domain.datasets import dataset_id_of
from tieline_sync.settings import RunSettings

from tests.integration.sync.bench import Published, SyncBench, workbench
from tests.integration.sync.dying_worker import POINTS
from tests.integration.sync.test_published_stream import incidents
from tests.support.registry_stub import WORKSPACE
from tests.support.servers import database_on
from tests.support.sync_process import ended, sync_process

INCIDENTS = 23
PAGE = 10

QUICK: dict[str, timedelta] = {}
"""The workbench's own settings."""
AS_THEY_COME = {"lease": RunSettings().lease, "poll": RunSettings().poll}


async def stored_records(bench: SyncBench, integration: str) -> list[dict[str, Any]]:
    """Return all that is stored of a dataset's records, without the dataset's id, by place."""
    dataset = dataset_id_of(WORKSPACE, integration)
    async with AsyncMongoClient[dict[str, Any]](bench.settings.mongo.url.get_secret_value()) as client:
        found = await client[bench.settings.mongo.database]["sync_records"].find({"dataset_id": dataset}).to_list()
    return sorted(
        ({name: value for name, value in one.items() if name not in {"_id", "dataset_id"}} for one in found),
        key=lambda one: one["place"],
    )


def told(published: list[Published]) -> list[tuple[str, int, str]]:
    """Return what a reader that knows ids is told: type, sequence, message or counts."""
    told = {}
    for one in published:
        event = one.event.model_dump(exclude={"run_id", "workspace_id", "integration_id", "at", "last_synced"})
        told[one.id] = (one.event.type, one.event.sequence, str(event))
    return list(told.values())


@dataclass(frozen=True)
class Calm:
    """What an undisturbed run tells and leaves."""

    told: list[tuple[str, int, str]]
    stored: list[dict[str, Any]]


@pytest.fixture(scope="module")
def calm(kafka_server: str, mongo_server: str) -> Calm:
    """An undisturbed run."""

    async def run(database: str) -> Calm:
        async with (
            workbench(kafka_server, mongo_server, database, f"{database}.") as bench,
            running(servicenow=ServiceNowSimulator(incidents(INCIDENTS))) as addresses,
            bench.worker(bench.with_runs(page_size=PAGE)),
        ):
            integration = bench.servicenow(addresses["servicenow"])
            published = await bench.log.until_over(await bench.start(integration))
            return Calm(told(published), await stored_records(bench, integration))

    with database_on(mongo_server) as database:
        return asyncio.run(run(database))


@pytest.mark.parametrize(
    ("point", "times", "leases"),
    [
        *((point, 2, QUICK) for point in ("records saved", "checkpoint stored", "progress published")),
        *((point, 1, QUICK) for point in POINTS),
        ("checkpoint stored", 1, AS_THEY_COME),
    ],
)
async def test_killed_run_ends_with_the_same_data_and_events(
    bench: SyncBench, calm: Calm, tmp_path: Path, *, point: str, times: int, leases: dict[str, timedelta]
) -> None:
    settings = bench.with_runs(page_size=PAGE, **leases)
    async with running(servicenow=ServiceNowSimulator(incidents(INCIDENTS))) as addresses:
        integration = bench.servicenow(addresses["servicenow"])
        run_id = await bench.start(integration)
        log = tmp_path / "worker.log"
        module = ("tests.integration.sync.dying_worker", point, str(times))
        async with sync_process(settings, log, module=module) as process:
            exit_code = await ended(process, log)
        died = time.monotonic()
        async with bench.worker(settings):
            published = await bench.log.until_over(run_id, within=60)
        took = time.monotonic() - died

    assert exit_code == -9
    assert took < 30
    assert told(published) == calm.told
    by_id = {one.id: one.value for one in published}
    assert all(one.value == by_id[one.id] for one in published), "an event was repeated with other bytes"
    assert await stored_records(bench, integration) == calm.stored
    last = published[-1].event
    assert isinstance(last, RunCompleted)
    assert (last.added, last.total, last.dataset_version) == (INCIDENTS, INCIDENTS, 1)
