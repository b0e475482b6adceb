"""Schedules on the real broker and database, followed by two workers."""

from datetime import UTC, datetime, timedelta

import pytest
from tieline.contracts.sync import RunQueued
from tieline.sync_client import SyncClient, SyncRefusedError
from tieline_simulators import ServiceNowSimulator, running
from tieline_sync.adapters.mongo.database import Database
from tieline_sync.adapters.mongo.schedules import MongoScheduleStore
from tieline_sync.domain.schedules import Schedule

from tests.integration.sync.bench import SyncBench
from tests.integration.sync.test_datasets import client_of
from tests.integration.sync.test_published_stream import incidents
from tests.support.registry_stub import WORKSPACE
from tests.support.waiting import eventually

LONG_AGO = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _hourly(integration: str) -> Schedule:
    """A schedule that has missed many of its times."""
    return Schedule(
        workspace_id=WORKSPACE,
        integration_id=integration,
        saved_at=LONG_AGO,
        every=timedelta(hours=1),
        batch_size=50,
        planned_at=LONG_AGO + timedelta(hours=1),
    )


async def test_missed_times_are_caught_up_by_one_run_on_one_of_two_workers(bench: SyncBench) -> None:
    settings = bench.with_runs(schedule_poll=timedelta(milliseconds=50))
    async with (
        running(servicenow=ServiceNowSimulator(incidents(8))) as addresses,
        bench.worker(settings) as worker,
        bench.worker(settings),
        client_of(bench, worker) as client,
    ):
        integration = bench.servicenow(addresses["servicenow"])
        schedule = _hourly(integration)
        await MongoScheduleStore(Database(bench.settings.mongo)).put(schedule)
        await bench.log.until_over(schedule.run_id)

        run = await client.find_run(WORKSPACE, integration)
        saved = await eventually(lambda: _advanced(client, integration))
        runs = await client.list_runs(WORKSPACE, integration)

    assert run is not None
    assert (run.trigger, run.requested_by, run.batch_size, run.total) == ("schedule", "schedule", 50, 8)
    assert runs.total == 1
    assert sum(isinstance(one.event, RunQueued) for one in bench.log.published) == 1
    assert saved is not None
    assert saved > datetime.now(UTC)


async def _advanced(client: SyncClient, integration: str) -> datetime | None:
    schedule = await client.find_schedule(WORKSPACE, integration)
    assert schedule is not None
    assert schedule.next_at is not None
    return schedule.next_at if schedule.last_at is not None else None


async def test_run_that_was_started_but_not_noted_is_not_started_twice(bench: SyncBench) -> None:
    settings = bench.with_runs(schedule_poll=timedelta(milliseconds=50))
    store = MongoScheduleStore(Database(bench.settings.mongo))
    async with running(servicenow=ServiceNowSimulator(incidents(8))) as addresses, bench.worker(settings) as worker:
        schedule = _hourly(bench.servicenow(addresses["servicenow"]))
        await store.put(schedule)
        await bench.log.until_over(schedule.run_id)

        await store.put(schedule)  # as if the worker had died before it noted the run
        await bench.log.until(lambda: len([one for one in bench.log.published if one.event.sequence == 0]) == 2)
        async with client_of(bench, worker) as client:
            runs = await client.list_runs(WORKSPACE, schedule.integration_id)

    assert runs.total == 1


async def test_disabled_integration_is_left_alone_and_one_that_is_gone_loses_its_schedule(bench: SyncBench) -> None:
    settings = bench.with_runs(schedule_poll=timedelta(milliseconds=50))
    store = MongoScheduleStore(Database(bench.settings.mongo))
    async with bench.worker(settings) as worker, client_of(bench, worker) as client:
        disabled = bench.servicenow("http://127.0.0.1:9", enabled=False)
        gone = bench.servicenow("http://127.0.0.1:9")
        bench.registry.integrations.pop(gone)
        await store.put(_hourly(disabled))
        await store.put(_hourly(gone))

        await eventually(lambda: _advanced(client, disabled))
        await eventually(lambda: _is_gone(client, gone))
        runs = [await client.list_runs(WORKSPACE, one) for one in (disabled, gone)]

    assert [listed.total for listed in runs] == [0, 0]


async def _is_gone(client: SyncClient, integration: str) -> bool:
    return await client.find_schedule(WORKSPACE, integration) is None


async def test_schedule_is_saved_paused_and_deleted(bench: SyncBench) -> None:
    async with bench.worker() as worker, client_of(bench, worker) as client:
        saved = await client.save_schedule(
            WORKSPACE, "i1", cron="0 6 * * MON-FRI", time_zone="Europe/Berlin", jitter=timedelta(minutes=10)
        )
        paused = await client.save_schedule(WORKSPACE, "i1", cron="0 6 * * MON-FRI", paused=True)
        with pytest.raises(SyncRefusedError, match="not a cron expression") as caught:
            await client.save_schedule(WORKSPACE, "i1", cron="every morning")
        kept = await client.find_schedule(WORKSPACE, "i1")
        stranger = await client.find_schedule("99999999-2222-3333-4444-555555555555", "i1")
        deleted = await client.delete_schedule(WORKSPACE, "i1")
        gone = await client.find_schedule(WORKSPACE, "i1")

    assert saved.next_at is not None
    assert saved.next_at > datetime.now(UTC)
    assert (paused.paused, paused.next_at) == (True, None)
    assert caught.value.code == "invalid"
    assert kept == paused == deleted
    assert (stranger, gone) == (None, None)
