"""The run a worker works on: what is stored of it, and the lease to store more."""

from dataclasses import replace

from tieline_sync.domain.runs import Run
from tieline_sync.ports import RunStore


class CancelledError(Exception):
    """Somebody asked to cancel the run; raised where it is noticed, caught where the outcome is decided."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


class RunInHand:
    """`run` is always what was stored last."""

    def __init__(self, run: Run, runs: RunStore) -> None:
        self.run = run
        self._runs = runs

    def check_cancelled(self) -> None:
        """Raise CancelledError if somebody asked to cancel."""
        if self.run.cancelled_by is not None:
            raise CancelledError(self.run.cancelled_by)

    async def save(self, run: Run, *, progressed: bool = False) -> None:
        """Store `run` and learn whether somebody asked to cancel. Raises LeaseLostError, DatabaseUnavailableError."""
        cancelled_by = await self._runs.save(run, progressed=progressed)
        self.run = replace(run, cancelled_by=cancelled_by, idle_attempts=0 if progressed else run.idle_attempts)
