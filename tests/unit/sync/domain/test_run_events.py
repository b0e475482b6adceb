"""A run's events follow from what is stored of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tieline.contracts.sync import RunCompleted, RunFailed
from tieline_sync.domain import run_events
from tieline_sync.domain.records import batch_count
from tieline_sync.domain.runs import Fetched, Ingested, Outcome, Run, Wording

NOW = datetime(2026, 3, 21, 14, 10, tzinfo=UTC)
WORDING = Wording(service="ServiceNow", records="incidents")


def a_run(**changes: object) -> Run:
    run = Run(
        id="r1",
        workspace_id="w1",
        integration_id="i1",
        trigger="manual",
        requested_by="u1",
        requested_at=NOW,
        batch_size=5,
        events_partition=3,
        events_from=17,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def test_sequence_counts_without_gaps() -> None:
    queued = a_run()
    fetching = replace(queued, started_at=NOW, fetched=Fetched(picked=12, finished_at=NOW))
    planned = fetching.planned(generation=1, first_place=0)
    ingested = replace(planned, ingested=Ingested(batch=3, at=NOW))

    assert [run.last_sequence for run in (queued, fetching, planned, ingested)] == [0, 1, 2, 5]
    assert planned.plan is not None
    assert (planned.plan.total, planned.plan.batches) == (12, 3)


def test_events_of_the_same_state_are_the_same_bytes() -> None:
    run = a_run(started_at=NOW, fetched=Fetched(picked=7)).planned(generation=1, first_place=0)
    assert run.plan is not None

    events = [
        run_events.batch_processed(run, WORDING, run.plan, batch=2, labels=["INC006", "INC007"], at=NOW)
        for _ in range(2)
    ]

    assert events[0].to_json() == events[1].to_json()
    assert run_events.event_id(events[0]) == run_events.event_id(events[1])
    assert events[0].message == "Batch 2 of 2 processed (2 incidents)"


def test_outcome_becomes_the_last_event() -> None:
    run = a_run(started_at=NOW)

    completed = run_events.concluded(run, Outcome(state="completed", at=NOW, added=0, total=0))
    failed = run_events.concluded(run, Outcome(state="failed", at=NOW, message="no"))
    cancelled = run_events.concluded(run, Outcome(state="cancelled", at=NOW, message="stopped"))

    assert isinstance(completed, RunCompleted)
    assert (completed.sequence, completed.last_synced) == (2, NOW)
    assert isinstance(failed, RunFailed)
    assert isinstance(cancelled, RunFailed)
    assert (failed.cancelled, cancelled.cancelled) == (False, True)


@given(st.integers(0, 5000), st.integers(1, 1000))
def test_batches_hold_all_records_and_none_is_empty(records: int, size: int) -> None:
    batches = batch_count(records, size)

    assert batches * size >= records > (batches - 1) * size or records == batches == 0


@given(st.integers(0, 60))
def test_backoff_doubles_up_to_a_minute(idle: int) -> None:
    wait = a_run(idle_attempts=idle).backoff()

    assert wait == timedelta(seconds=min(2 ** max(idle - 1, 0), 60))
