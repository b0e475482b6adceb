"""The loop that takes runs that are due and works on them, a few at a time, each under a lease that is renewed."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from tieline.clock import Clock
from tieline.errors import TransientError
from tieline.observability.tracing import span_of_kept
from tieline.service.background import cancelled

from tieline_sync.domain.errors import LeaseLostError
from tieline_sync.domain.runs import Run
from tieline_sync.handlers.execute_run import ExecuteRun
from tieline_sync.ports import RunStore

AFTER_TROUBLE = timedelta(seconds=2)  # before runs are looked for, or tried, again when a dependency was away
RELEASE_SECONDS = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many runs at once, how long a lease lasts, how often an idle worker looks."""

    concurrent_runs: int
    lease: timedelta
    poll: timedelta


class Runner:
    """Works on runs until cancelled; a run in hand is then given back for another worker to take at once."""

    def __init__(self, *, owner: str, runs: RunStore, execute: ExecuteRun, clock: Clock, pace: Pace) -> None:
        self._owner = owner
        self._runs = runs
        self._execute = execute
        self._clock = clock
        self._pace = pace
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look for runs now instead of at the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Take runs and work on them until cancelled."""
        try:
            while True:
                await self._take_due()
                await self._idle()
        finally:
            await cancelled(self._working)

    async def _take_due(self) -> None:
        while len(self._working) < self._pace.concurrent_runs:
            try:
                run = await self._runs.lease(self._owner, now=self._clock(), ttl=self._pace.lease)
            except TransientError as error:
                log.warning("cannot look for runs", extra={"reason": str(error)})
                await asyncio.sleep(AFTER_TROUBLE.total_seconds())
                return
            if run is None:
                return
            task = asyncio.create_task(self._work_on(run), name=f"run {run.id}")
            self._working.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        self._woken.set()

    async def _idle(self) -> None:
        # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with what it waits for.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.poll.total_seconds()):
                await self._woken.wait()
        self._woken.clear()

    async def _work_on(self, run: Run) -> None:
        facts = {"run": run.id, "integration": run.integration_id, "attempt": run.attempts}
        working = asyncio.current_task()
        renewing = asyncio.create_task(self._keep_lease(run, lambda: working.cancel() if working else None))
        try:
            with span_of_kept("run a sync", run.traceparent):
                await self._execute(run)
        except LeaseLostError:
            log.warning("another worker has the run now", extra=facts)
        except TransientError as error:
            log.warning("a run waits for a dependency", extra={**facts, "reason": str(error)})
            await self._give_back(run, wait=AFTER_TROUBLE, error=None, counts=False)
        except asyncio.CancelledError:
            await self._give_back(run, wait=timedelta(), error=None, counts=False)
            raise
        except Exception as error:
            log.exception("an attempt at a run failed", extra=facts)
            await self._give_back(run, wait=run.backoff(), error=type(error).__name__, counts=True)
        finally:
            renewing.cancel()

    async def _give_back(self, run: Run, *, wait: timedelta, error: str | None, counts: bool) -> None:
        """Give the run back if it is still ours; otherwise its lease ends by itself."""
        with suppress(TransientError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._runs.release(run, next_attempt_at=self._clock() + wait, error=error, counts=counts)

    async def _keep_lease(self, run: Run, lose: Callable[[], object]) -> None:
        """Renew the lease every quarter of it; stop the work when it is lost, or ran out unrenewed."""
        until = self._clock() + self._pace.lease
        while True:
            await asyncio.sleep(self._pace.lease.total_seconds() / 4)
            asked = self._clock() + self._pace.lease
            try:
                await self._runs.renew(run, until=asked)
                until = asked
            except LeaseLostError:
                log.warning("another worker has the run now", extra={"run": run.id})
                lose()
                return
            except TransientError as error:
                log.warning("a lease could not be renewed", extra={"run": run.id, "reason": str(error)})
                if self._clock() >= until:
                    lose()
                    return
