"""The events of a run, as the published stream shows them."""

from tieline.contracts.sync import RunCompleted, RunProgress, RunQueued
from tieline_simulators import ServiceNowSimulator, running
from tieline_simulators.servicenow import generated_incidents

from tests.integration.sync.bench import SyncBench


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
