"""A worker killed at any point of a run: another one ends it with the data and events of an undisturbed run."""

import asyncio
import os
import sys
import time
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from tieline.contracts.sync import RunCompleted
from tieline.topics import RUN_SYNCS_GROUP
from tieline_simulators import ServiceNowSimulator, running
from tieline_sync.domain.datasets import dataset_id_of
from tieline_sync.settings import SyncSettings

from tests.integration.sync.bench import Published, SyncBench
from tests.integration.sync.dying_worker import POINTS
from tests.integration.sync.test_published_stream import incidents
from tests.support.consumer_groups import leave_for
from tests.support.registry_stub import WORKSPACE

INCIDENTS = 23
PAGE = 10


def _environment(settings: SyncSettings) -> dict[str, str]:
    """Return settings as environment variables."""
    found: dict[str, str] = {}
    for block, values in settings.model_dump(mode="json").items():
        for name, value in values.items():
            if value is not None:
                found[f"TIELINE_{block}__{name}".upper()] = str(value)
    return found


async def _killed(bench: SyncBench, settings: SyncSettings, point: str, times: int) -> int:
    """Run a worker that kills itself at `point`; return its exit code."""
    secrets = {
        "TIELINE_MONGO__URL": bench.settings.mongo.url.get_secret_value(),
        "TIELINE_INTERNAL__TOKEN": bench.settings.internal.token.get_secret_value(),
        "TIELINE_HTTP__PORT": "1",  # replaced by a free port below
    }
    environment = {**os.environ, **_environment(settings), **secrets, "TIELINE_HTTP__PORT": str(_free_port())}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.sync.dying_worker",
        point,
        str(times),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
        pytest.fail(f"the worker never reached '{point}':\n{output.decode()}")
    assert process.returncode is not None
    return process.returncode


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _stored(bench: SyncBench, integration: str) -> list[dict[str, Any]]:
    """Return all that is stored of a dataset's records, without the dataset's id, by place."""
    dataset = dataset_id_of(WORKSPACE, integration)
    async with AsyncMongoClient[dict[str, Any]](bench.settings.mongo.url.get_secret_value()) as client:
        found = await client[bench.settings.mongo.database]["sync_records"].find({"dataset_id": dataset}).to_list()
    return sorted(
        ({name: value for name, value in one.items() if name not in {"_id", "dataset_id"}} for one in found),
        key=lambda one: one["place"],
    )


def _told(published: list[Published]) -> list[tuple[str, int, str]]:
    """Return what a reader that knows ids is told: type, sequence, message or counts."""
    told = {}
    for one in published:
        event = one.event.model_dump(exclude={"run_id", "workspace_id", "integration_id", "at", "last_synced"})
        told[one.id] = (one.event.type, one.event.sequence, str(event))
    return list(told.values())


@pytest.mark.parametrize(
    ("point", "times"),
    [("records saved", 2), ("checkpoint stored", 2), ("progress published", 2)] + [(point, 1) for point in POINTS],
)
async def test_killed_run_ends_with_the_same_data_and_events(bench: SyncBench, point: str, times: int) -> None:
    settings = bench.with_runs(page_size=PAGE)
    async with running(servicenow=ServiceNowSimulator(incidents(INCIDENTS))) as addresses:
        undisturbed, disturbed = (bench.servicenow(addresses["servicenow"]) for _ in range(2))
        async with bench.worker(settings):
            calm = await bench.log.until_over(await bench.start(undisturbed))

        run_id = await bench.start(disturbed)
        exit_code = await _killed(bench, settings, point, times)
        died = time.monotonic()
        await leave_for(settings.kafka, (RUN_SYNCS_GROUP,), client_id_ends="")
        async with bench.worker(settings):
            published = await bench.log.until_over(run_id)
        took = time.monotonic() - died

    assert exit_code == -9
    assert took < 30
    assert _told(published) == _told(calm)
    by_id = {one.id: one.value for one in published}
    assert all(one.value == by_id[one.id] for one in published), "an event was repeated with other bytes"
    assert await _stored(bench, disturbed) == await _stored(bench, undisturbed)
    last = published[-1].event
    assert isinstance(last, RunCompleted)
    assert (last.added, last.total, last.dataset_version) == (INCIDENTS, INCIDENTS, 1)
