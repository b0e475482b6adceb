"""Runs: found, and listed."""

from tieline.contracts.sync_reads import RunList, RunSummary

from tieline_sync.domain.runs import Run
from tieline_sync.ports import RunStore


class ReadRuns:
    """The history of one integration's runs. Raises DatabaseUnavailableError."""

    def __init__(self, runs: RunStore) -> None:
        self._runs = runs

    async def find(self, workspace_id: str, integration_id: str, run_id: str | None) -> RunSummary | None:
        """Return a run; without an id the one under way, else the latest. An attached start means its run."""
        if run_id is None:
            latest = await self._runs.history(workspace_id, integration_id, limit=1, offset=0)
            run = await self._runs.find_active(workspace_id, integration_id) or (latest[0] if latest else None)
        else:
            run = await self._runs.find(run_id) or await self._runs.find_attached(run_id)
        if run is None or (run.workspace_id, run.integration_id) != (workspace_id, integration_id):
            return None
        return summary_of(run)

    async def list(self, workspace_id: str, integration_id: str, *, limit: int, offset: int) -> RunList:
        """Return a page of runs, newest first."""
        found = await self._runs.history(workspace_id, integration_id, limit=limit, offset=offset)
        total = await self._runs.count(workspace_id, integration_id)
        return RunList(
            items=[summary_of(run) for run in found],
            total=total,
            next_offset=offset + limit if offset + limit < total else None,
        )


def summary_of(run: Run) -> RunSummary:
    """Return a run as it is listed."""
    outcome, ingested = run.outcome, run.ingested
    ended = outcome.at if outcome else None
    return RunSummary(
        id=run.id,
        workspace_id=run.workspace_id,
        integration_id=run.integration_id,
        state=outcome.state if outcome else run.state,
        trigger=run.trigger,
        requested_by=run.requested_by,
        requested_at=run.requested_at,
        started_at=run.started_at,
        finished_at=ended,
        duration_seconds=(ended - run.started_at).total_seconds() if ended and run.started_at else None,
        batch_size=run.batch_size,
        batches_done=ingested.batch if ingested else 0,
        batches=run.plan.batches if run.plan else None,
        rows_fetched=run.fetched.rows,
        added=ingested.added if ingested else 0,
        updated=ingested.updated if ingested else 0,
        removed=ingested.removed if ingested else 0,
        total=run.plan.total if run.plan else (0 if outcome and outcome.state == "completed" else None),
        attempts=run.attempts,
        error=outcome.message if outcome else run.last_error,
        dataset_version=outcome.dataset_version if outcome else None,
        cancelled_by=run.cancelled_by,
        attached_run_ids=[attachment.run_id for attachment in run.attached],
        events_partition=run.events_partition,
        events_from=run.events_from,
    )
