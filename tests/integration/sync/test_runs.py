"""Runs that are cancelled, refused, limited, out of luck, or given back."""

import asyncio
import time
import uuid
from datetime import timedelta

import pytest
from tieline.contracts.sync import RunAttached, RunCompleted, RunFailed, RunProgress
from tieline_simulators import Fault, ServiceNowSimulator, running
from tieline_simulators.faults import FaultBook
from tieline_sync.handlers.read_runs import ReadRuns

from tests.integration.sync.bench import SyncBench, distinct
from tests.integration.sync.test_published_stream import incidents
from tests.support.registry_stub import WORKSPACE


async def test_cancelled_run_stops_after_the_batch_in_hand_and_makes_no_version(bench: SyncBench) -> None:
    async with running(servicenow=ServiceNowSimulator(incidents(400))) as addresses, bench.worker() as worker:
        integration = bench.servicenow(addresses["servicenow"])
        run_id = await bench.start(integration)
        await bench.log.until(lambda: len(bench.log.of(run_id)) > 5)

        await bench.cancel(integration, run_id)
        events = distinct(await bench.log.until_over(run_id))
        dataset = await worker.datasets.get(WORKSPACE, integration)
        then = await bench.sync(integration, batch_size=100)

    last = events[-1]
    assert isinstance(last, RunFailed)
    assert (last.cancelled, last.message) == (True, "Sync cancelled by user-2")
    assert [event.sequence for event in events] == list(range(len(events)))
    assert len(events) < 80
    assert dataset.current is None
    completed = then[-1]
    assert isinstance(completed, RunCompleted)
    assert (completed.added, completed.updated, completed.dataset_version) == (400, 0, 1)


async def test_run_is_cancelled_while_it_waits_for_another_attempt(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(incidents(3))
    instance.faults.add(Fault(kind="rate_limit", retry_after=600, times=0))
    async with running(servicenow=instance) as addresses, bench.worker():
        integration = bench.servicenow(addresses["servicenow"])
        run_id = await bench.start(integration)
        await bench.log.until(lambda: len(bench.log.of(run_id)) == 2)

        await bench.cancel(integration, run_id)
        events = distinct(await bench.log.until_over(run_id))

    assert isinstance(events[-1], RunFailed)
    assert events[-1].cancelled


async def test_second_start_attaches_and_a_third_after_the_end_runs_anew(bench: SyncBench) -> None:
    async with running(servicenow=ServiceNowSimulator(incidents(100))) as addresses, bench.worker() as worker:
        integration = bench.servicenow(addresses["servicenow"])
        first, second = await bench.start(integration), await bench.start(integration)
        await bench.log.until_over(first)
        third = await bench.start(integration)
        await bench.log.until_over(third)
        history = await ReadRuns(worker.runs).list(WORKSPACE, integration, limit=10, offset=0)
        found = await ReadRuns(worker.runs).find(WORKSPACE, integration, second)

    (attached,) = bench.log.of(second)
    assert isinstance(attached.event, RunAttached)
    assert attached.event.attached_to == first
    assert attached.event.from_offset == bench.log.of(first)[0].offset
    assert attached.partition == bench.log.of(first)[0].partition
    assert [run.id for run in history.items] == [third, first]
    assert found is not None
    assert (found.id, found.attached_run_ids) == (first, [second])


async def test_redelivered_start_runs_once(bench: SyncBench) -> None:
    async with running(servicenow=ServiceNowSimulator(incidents(10))) as addresses, bench.worker() as worker:
        integration = bench.servicenow(addresses["servicenow"])
        run_id = str(uuid.uuid4())
        for _ in range(3):
            await bench.start(integration, run_id=run_id)
        await bench.log.until_over(run_id)
        await bench.start(integration, run_id=run_id)
        await bench.log.until(lambda: len([one for one in bench.log.of(run_id) if one.event.sequence == 0]) == 4)
        history = await ReadRuns(worker.runs).list(WORKSPACE, integration, limit=10, offset=0)

    assert history.total == 1
    assert sum(isinstance(one.event, RunCompleted) for one in bench.log.of(run_id)) == 1


class EverySecondCall(FaultBook):
    """Trouble that goes and comes back."""

    calls = 0

    def take(self, *, method: str, path: str, channel: str | None) -> Fault | None:
        self.calls += 1
        return Fault(kind="status", status=503) if self.calls % 2 else None


async def test_progress_renews_the_budget_of_attempts(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(incidents(40))
    instance.faults = EverySecondCall()
    settings = bench.with_runs(most_idle_attempts=2, page_size=10)
    async with running(servicenow=instance) as addresses, bench.worker(settings) as worker:
        integration = bench.servicenow(addresses["servicenow"])
        events = await bench.sync(integration, within=60)
        history = await ReadRuns(worker.runs).list(WORKSPACE, integration, limit=1, offset=0)

    assert isinstance(events[-1], RunCompleted)
    assert events[-1].added == 40
    assert history.items[0].attempts > 3


async def test_run_fails_when_attempts_get_nowhere_and_says_why(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(incidents(4))
    instance.faults.add(Fault(kind="status", status=503, times=0))
    async with running(servicenow=instance) as addresses, bench.worker(bench.with_runs(most_idle_attempts=2)):
        integration = bench.servicenow(addresses["servicenow"])
        failed = await bench.sync(integration)
        instance.faults.clear()
        then = await bench.sync(integration)

    assert isinstance(failed[-1], RunFailed)
    assert failed[-1].message == "Failed to fetch incidents from ServiceNow: HTTP 503 (Error 503)"
    assert isinstance(then[-1], RunCompleted)
    assert then[-1].added == 4


async def test_refused_password_fails_at_once_and_says_what_to_do(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(incidents(4))
    instance.configure({"users": {"admin": "another password"}})
    async with running(servicenow=instance) as addresses, bench.worker():
        events = await bench.sync(bench.servicenow(addresses["servicenow"]))

    assert isinstance(events[-1], RunFailed)
    assert events[-1].message == (
        "Failed to fetch incidents from ServiceNow: HTTP 401 (User Not Authenticated). "
        "Check this integration's credentials"
    )


async def test_rate_limit_is_waited_for_and_is_no_failure(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(incidents(4))
    instance.faults.add(Fault(kind="rate_limit", retry_after=1, times=3))
    started = time.monotonic()
    async with running(servicenow=instance) as addresses, bench.worker(bench.with_runs(most_idle_attempts=1)):
        events = await bench.sync(bench.servicenow(addresses["servicenow"]))

    assert isinstance(events[-1], RunCompleted)
    assert time.monotonic() - started >= 3


async def test_rate_limit_beyond_reason_fails_the_run(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(incidents(4))
    instance.faults.add(Fault(kind="rate_limit", retry_after=600))
    settings = bench.with_runs(longest_rate_limit=timedelta(minutes=5))
    async with running(servicenow=instance) as addresses, bench.worker(settings):
        events = await bench.sync(bench.servicenow(addresses["servicenow"]))

    assert isinstance(events[-1], RunFailed)
    assert "rate limit lasts until" in events[-1].message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enabled": False}, "ServiceNow is disabled. Enable it and start the sync again"),
        ({"provider": "openai", "display_name": "OpenAI"}, "OpenAI has no records to sync"),
        ({"workspace_id": "99999999-2222-3333-4444-555555555555"}, "Integration not found"),
    ],
)
async def test_run_that_cannot_be_done_says_so(bench: SyncBench, changes: dict[str, object], message: str) -> None:
    async with bench.worker():
        events = await bench.sync(bench.servicenow("http://127.0.0.1:9", **changes))

    assert isinstance(events[-1], RunFailed)
    assert events[-1].message.startswith(message)
    assert not any(isinstance(event, RunProgress) for event in events)


async def test_worker_that_stops_gives_its_run_back_at_once(bench: SyncBench) -> None:
    settings = bench.with_runs(lease=timedelta(minutes=5))
    async with running(servicenow=ServiceNowSimulator(incidents(200))) as addresses:
        async with bench.worker(settings):
            run_id = await bench.start(bench.servicenow(addresses["servicenow"]))
            await bench.log.until(lambda: len(bench.log.of(run_id)) > 5)

        async with bench.worker(settings):
            events = distinct(await bench.log.until_over(run_id))

    assert isinstance(events[-1], RunCompleted)
    assert events[-1].added == 200
    assert [event.sequence for event in events] == list(range(len(events)))


async def test_many_integrations_are_synced_side_by_side(bench: SyncBench) -> None:
    async with running(servicenow=ServiceNowSimulator(incidents(20))) as addresses, bench.worker(), bench.worker():
        integrations = [bench.servicenow(addresses["servicenow"]) for _ in range(6)]
        ended = await asyncio.gather(*(bench.sync(integration) for integration in integrations))

    assert all(isinstance(events[-1], RunCompleted) and events[-1].added == 20 for events in ended)
