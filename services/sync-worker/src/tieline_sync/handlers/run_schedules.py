"""Schedules: saved, shown, deleted, and followed by starting the runs that are due."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from tieline.clock import Clock
from tieline.contracts.integrations import Integration
from tieline.contracts.sync import StartRun
from tieline.contracts.sync_reads import Schedule as ShownSchedule

from tieline_sync.domain.schedules import Schedule, checked
from tieline_sync.ports import RunCommands, ScheduleStore

FindIntegration = Callable[[str, str], Awaitable[Integration | None]]

CLAIM = timedelta(seconds=60)  # how long a replica has to start a run that is due, before another may
REQUESTED_BY = "schedule"


class Schedules:
    """The schedules of all integrations. Raises DatabaseUnavailableError."""

    def __init__(
        self, *, schedules: ScheduleStore, commands: RunCommands, find_integration: FindIntegration, clock: Clock
    ) -> None:
        self._schedules = schedules
        self._commands = commands
        self._find_integration = find_integration
        self._clock = clock

    async def find(self, workspace_id: str, integration_id: str) -> ShownSchedule | None:
        """Return an integration's schedule, or None."""
        found = await self._schedules.get(workspace_id, integration_id)
        return None if found is None else shown(found)

    async def save(self, schedule: Schedule) -> ShownSchedule:
        """Set an integration's schedule; its first run is at the next planned time. Raises InvalidScheduleError."""
        planned = checked(schedule).planned_after(self._clock())
        await self._schedules.put(planned)
        return shown(planned)

    async def delete(self, workspace_id: str, integration_id: str) -> ShownSchedule | None:
        """Delete an integration's schedule and return it; None when there was none."""
        found = await self._schedules.delete(workspace_id, integration_id)
        return None if found is None else shown(found)

    async def start_due(self) -> bool:
        """Start the run that is due longest; False when none is.

        Safe on any number of replicas: one claims the schedule, and should it die before it has noted the run, the one
        after it sends the same command again, which starts nothing more. The times of a disabled integration pass; one
        that is gone loses its schedule. Raises KafkaUnavailableError and RegistryUnavailableError too.
        """
        now = self._clock()
        schedule = await self._schedules.claim_due(now, until=now + CLAIM)
        if schedule is None:
            return False
        integration = await self._find_integration(schedule.workspace_id, schedule.integration_id)
        if integration is None:
            await self._schedules.delete(schedule.workspace_id, schedule.integration_id)
            return True
        if integration.enabled:
            await self._commands.send(_command(schedule, now))
        await self._schedules.advance(schedule, schedule.ran(self._clock()))
        return True


def _command(schedule: Schedule, now: datetime) -> StartRun:
    return StartRun(
        run_id=schedule.run_id,
        workspace_id=schedule.workspace_id,
        integration_id=schedule.integration_id,
        requested_by=REQUESTED_BY,
        requested_at=now,
        batch_size=schedule.batch_size,
        trigger="schedule",
    )


def shown(schedule: Schedule) -> ShownSchedule:
    """Return a schedule as callers see it."""
    return ShownSchedule(
        integration_id=schedule.integration_id,
        cron=schedule.cron,
        every=schedule.every,
        time_zone=schedule.time_zone,
        jitter=schedule.jitter,
        paused=schedule.paused,
        next_at=schedule.due_at,
        last_at=schedule.last_at,
        batch_size=schedule.batch_size,
    )
