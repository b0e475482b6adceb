"""What a finished sync run says about its integration."""

from datetime import datetime

from tieline.contracts.integrations import LastSync
from tieline.contracts.sync import RunCompleted, RunFailed

Finished = RunCompleted | RunFailed


def after(last: LastSync, run: Finished) -> LastSync:
    """Return how the last sync ended, now that `run` has. `succeeded_at` moves on success, and only forward."""
    if isinstance(run, RunFailed):
        return LastSync(succeeded_at=last.succeeded_at, status="error", error=run.message, run_id=run.run_id)
    succeeded_at = max(filter(None, (last.succeeded_at, run.last_synced)))
    return LastSync(succeeded_at=succeeded_at, status="success", error=None, run_id=run.run_id)


def is_news(ended_at: datetime | None, run: Finished) -> bool:
    """Tell whether `run` ended after the run that is known, if any."""
    return ended_at is None or run.at > ended_at
