"""The events of a run, derived from what is stored of it. The messages are those of the published stream."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from tieline.contracts.sync import RunAttached, RunCompleted, RunFailed, RunProgress, RunQueued
from tieline.ids import derived_id

from tieline_sync.domain.runs import FETCHING_SEQUENCE, INGEST_SEQUENCE, Outcome, Plan, Run, Wording

RunAnyEvent = RunQueued | RunAttached | RunProgress | RunCompleted | RunFailed


class _Common(TypedDict):
    run_id: str
    workspace_id: str
    integration_id: str
    sequence: int
    at: datetime


def event_id(event: RunAnyEvent) -> str:
    """Return the id of an event: the same for the same run, kind and sequence."""
    return derived_id("sync-run-event", event.run_id, event.type, str(event.sequence))


def fetching(run: Run, wording: Wording, at: datetime) -> RunProgress:
    """Return the first event: records are being fetched."""
    return RunProgress(
        **_common(run, FETCHING_SEQUENCE, at),
        batch=0,
        total_batches=0,
        message=f"Fetching {wording.records} from {wording.service}...",
    )


def ingesting(run: Run, wording: Wording, plan: Plan, at: datetime) -> RunProgress:
    """Return the event that says how much there is to ingest."""
    return RunProgress(
        **_common(run, INGEST_SEQUENCE, at),
        batch=0,
        total_batches=plan.batches,
        total=plan.total,
        message=f"Ingesting {plan.total} {wording.records} in {plan.batches} batch(es)...",
    )


def batch_processed(
    run: Run, wording: Wording, plan: Plan, *, batch: int, labels: Sequence[str], at: datetime
) -> RunProgress:
    """Return the event of one batch whose records are saved."""
    return RunProgress(
        **_common(run, INGEST_SEQUENCE + batch, at),
        batch=batch,
        total_batches=plan.batches,
        total=plan.total,
        record_ids=list(labels),
        message=f"Batch {batch} of {plan.batches} processed ({len(labels)} {wording.records})",
    )


def concluded(run: Run, outcome: Outcome) -> RunCompleted | RunFailed:
    """Return the last event."""
    common = _common(run, run.last_sequence + 1, outcome.at)
    if outcome.state == "completed":
        return RunCompleted(
            **common,
            added=outcome.added,
            updated=outcome.updated,
            total=outcome.total,
            last_synced=outcome.at,
            dataset_version=outcome.dataset_version,
        )
    return RunFailed(**common, message=outcome.message or "Sync failed", cancelled=outcome.state == "cancelled")


def _common(run: Run, sequence: int, at: datetime) -> _Common:
    return _Common(
        run_id=run.id, workspace_id=run.workspace_id, integration_id=run.integration_id, sequence=sequence, at=at
    )
