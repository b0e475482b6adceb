"""Commands about runs: start (or attach), cancel. Only recorded here; workers take the runs from the store."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from tieline.contracts.sync import CancelRun, RunAttached, RunQueued, StartRun

from tieline_sync.domain.runs import Attachment, Run
from tieline_sync.ports import Events, RunStore

LOOKS_AT_AN_END = 40
BETWEEN_LOOKS = timedelta(milliseconds=25)


class AcceptRuns:
    """Records what commands ask for. Safe to repeat: a redelivered command records and publishes the same again."""

    def __init__(
        self, *, runs: RunStore, events: Events, default_batch_size: int, on_queued: Callable[[], None]
    ) -> None:
        self._runs = runs
        self._events = events
        self._default_batch_size = default_batch_size
        self._on_queued = on_queued

    async def start(self, command: StartRun, *, traceparent: str | None = None) -> None:
        """Queue a run, or attach the command to the integration's run under way.

        A command whose run exists is answered with where that run's events are.

        Raises DatabaseUnavailableError, KafkaUnavailableError.
        """
        while True:
            known = await self._runs.find(command.run_id) or await self._runs.find_attached(command.run_id)
            if known is not None:
                await self._announce(command, known)
                return
            active = await self._under_way(command)
            if active is None and await self._queued(command, traceparent):
                return
            if active is not None and await self._attached(command, active):
                return

    async def _under_way(self, command: StartRun) -> Run | None:
        """Return the run to attach to.

        A run tells its end a moment before it is marked as over. Whoever starts a sync on hearing of that end wants
        what has changed since, so the mark is waited for; not for long, because the worker may have died in between.
        """
        active = await self._runs.find_active(command.workspace_id, command.integration_id)
        for _ in range(LOOKS_AT_AN_END):
            if active is None or not active.is_over:
                break
            await asyncio.sleep(BETWEEN_LOOKS.total_seconds())
            active = await self._runs.find_active(command.workspace_id, command.integration_id)
        return active

    async def cancel(self, command: CancelRun) -> None:
        """Ask the run to stop; one that is over, or unknown, is left alone. Raises DatabaseUnavailableError."""
        await self._runs.request_cancel(
            command.workspace_id,
            command.integration_id,
            command.run_id,
            by=command.requested_by,
            at=command.requested_at,
        )
        self._on_queued()

    async def _queued(self, command: StartRun, traceparent: str | None) -> bool:
        # Published before it is stored: nobody can work on the run yet, so this event precedes all its others.
        partition, offset = await self._events.publish(
            RunQueued(
                run_id=command.run_id,
                workspace_id=command.workspace_id,
                integration_id=command.integration_id,
                sequence=0,
                at=command.requested_at,
            )
        )
        added = await self._runs.add(
            Run(
                id=command.run_id,
                workspace_id=command.workspace_id,
                integration_id=command.integration_id,
                trigger=command.trigger,
                requested_by=command.requested_by,
                requested_at=command.requested_at,
                batch_size=command.batch_size or self._default_batch_size,
                events_partition=partition,
                events_from=offset,
                traceparent=traceparent,
            )
        )
        if added:
            self._on_queued()
        return added

    async def _attached(self, command: StartRun, active: Run) -> bool:
        attachment = Attachment(
            run_id=command.run_id, requested_by=command.requested_by, requested_at=command.requested_at
        )
        if not await self._runs.attach(active.id, attachment):
            return False  # it ended in between
        await self._announce(command, active)
        return True

    async def _announce(self, command: StartRun, run: Run) -> None:
        await self._events.publish(
            RunAttached(
                run_id=command.run_id,
                workspace_id=command.workspace_id,
                integration_id=command.integration_id,
                sequence=0,
                at=command.requested_at,
                attached_to=run.id,
                from_offset=run.events_from,
            )
        )
