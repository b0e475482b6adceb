"""The events of a run, as the published stream shows them."""

from dataclasses import replace

from tieline.contracts.sync import RunCompleted, RunProgress, RunQueued
from tieline.ids import new_id
from tieline.registry_client import RegistryClient
from tieline.service.background import BackgroundTasks
from tieline_gateway.adapters.run_streams import RunStreams
from tieline_gateway.adapters.run_tail import RunTail
from tieline_gateway.domain import surface_d
from tieline_gateway.domain.run_frames import OPENING
from tieline_gateway.domain.run_places import Place
from tieline_simulators import ServiceNowSimulator, running
from tieline_simulators.servicenow import generated_incidents

from tests.integration.sync.bench import SyncBench
from tests.support.registry_stub import WORKSPACE


async def test_eighteen_incidents_come_in_four_batches_with_the_documented_messages(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(generated_incidents(18))
    async with running(servicenow=instance) as addresses, bench.worker():
        integration = bench.servicenow(addresses["servicenow"])

        events = await bench.sync(integration)

    assert isinstance(events[0], RunQueued)
    progress = [event for event in events if isinstance(event, RunProgress)]
    assert [event.message for event in progress] == [
        "Fetching incidents from ServiceNow...",
        "Ingesting 18 incidents in 4 batch(es)...",
        "Batch 1 of 4 processed (5 incidents)",
        "Batch 2 of 4 processed (5 incidents)",
        "Batch 3 of 4 processed (5 incidents)",
        "Batch 4 of 4 processed (3 incidents)",
    ]
    batches = [event.record_ids or [] for event in progress[2:]]
    assert [len(batch) for batch in batches] == [5, 5, 5, 3]
    assert sorted(label for batch in batches for label in batch) == [
        f"INC{number:07d}" for number in range(10_001, 10_019)
    ]
    completed = events[-1]
    assert isinstance(completed, RunCompleted)
    assert (completed.added, completed.updated, completed.total, completed.dataset_version) == (18, 0, 18, 1)
    assert [event.sequence for event in events] == list(range(8))


async def test_a_second_sync_without_changes_completes_without_ingestion(bench: SyncBench) -> None:
    instance = ServiceNowSimulator(generated_incidents(18))
    async with running(servicenow=instance) as addresses, bench.worker():
        integration = bench.servicenow(addresses["servicenow"])
        await bench.sync(integration)

        events = await bench.sync(integration)

    assert [event.message for event in events if isinstance(event, RunProgress)] == [
        "Fetching incidents from ServiceNow..."
    ]
    completed = events[-1]
    assert isinstance(completed, RunCompleted)
    assert (completed.added, completed.total, completed.dataset_version) == (0, 0, 1)


async def test_run_that_is_over_is_told_to_its_end_while_somebody_still_follows_it(bench: SyncBench) -> None:
    tail = RunTail(bench.settings.kafka, client_id="gateway", draining=lambda: False)
    async with (
        running(servicenow=ServiceNowSimulator(generated_incidents(18))) as addresses,
        bench.worker(),
        RegistryClient(bench.settings.internal) as registry,
        BackgroundTasks() as background,
    ):
        background.start("tail", tail.run())
        await tail.ready.wait()
        streams = RunStreams(tail, find_integration=registry.find_integration, render=surface_d.document_of)
        integration = bench.servicenow(addresses["servicenow"])
        place = Place(workspace_id=WORKSPACE, integration_id=integration, run_id=new_id())
        slow = streams.stream(place, start=lambda: bench.start(integration, run_id=place.run_id))
        assert await anext(slow) == OPENING
        assert b"Fetching" in await anext(slow)  # and then this client reads no further
        first = (await bench.log.until_over(place.run_id))[0]

        late = replace(place, partition=first.partition, offset=first.offset, is_over=True)
        told = b"".join([chunk async for chunk in streams.stream(late)])
        await slow.aclose()  # type: ignore[attr-defined]  # a generator

    assert told.count(b"event: progress") == 6
    assert told.count(b"event: complete") == 1
