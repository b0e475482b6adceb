"""When an integration is synced by itself.

A schedule has planned times: those of a cron expression in its time zone, or every so often after it was saved. It is
due at a planned time plus a delay within its jitter, which follows from the schedule and the time, so that every
replica finds the same. Times missed while no worker ran are caught up by one run.
"""

import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from tieline.ids import derived_id

from tieline_sync.domain.errors import InvalidScheduleError

SHORTEST_INTERVAL = timedelta(minutes=1)
LONGEST_INTERVAL = timedelta(days=366)
LONGEST_JITTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One integration's schedule; exactly one of `cron` and `every` is set. `planned_at` is None while it is paused."""

    workspace_id: str
    integration_id: str
    saved_at: datetime
    cron: str | None = None
    every: timedelta | None = None
    time_zone: str = "UTC"
    jitter: timedelta = timedelta()
    paused: bool = False
    batch_size: int | None = None
    planned_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def run_id(self) -> str:
        """Return the id of the run at the planned time: the same whoever starts it, however often."""
        return derived_id("scheduled-run", self.integration_id, str(self.planned_at))

    @property
    def due_at(self) -> datetime | None:
        """Return when the run is to start."""
        if self.planned_at is None:
            return None
        seconds = int(self.jitter.total_seconds())
        spread = zlib.crc32(f"{self.integration_id} {self.planned_at.isoformat()}".encode()) % (seconds + 1)
        return self.planned_at + timedelta(seconds=spread)

    def planned_after(self, now: datetime) -> "Schedule":
        """Return the schedule with its first planned time past `now`; without one while it is paused."""
        if self.paused:
            return replace(self, planned_at=None)
        return replace(self, planned_at=self._next(now))

    def ran(self, now: datetime) -> "Schedule":
        """Return the schedule after the run of its planned time was started; times missed until `now` are skipped."""
        return replace(self, last_at=self.planned_at).planned_after(max(now, self.planned_at or now))

    def _next(self, now: datetime) -> datetime | None:
        if self.every is not None:
            passed = (now - self.saved_at) // self.every
            return self.saved_at + (max(passed, 0) + 1) * self.every
        found = next(CronSim(self.cron or "", now.astimezone(ZoneInfo(self.time_zone))), None)
        return None if found is None else found.astimezone(UTC)


def checked(schedule: Schedule) -> Schedule:
    """Return the schedule. Raises InvalidScheduleError saying what is wrong with it."""
    if (schedule.cron is None) == (schedule.every is None):
        raise InvalidScheduleError("a schedule has either `cron` or `every`")
    if not timedelta() <= schedule.jitter <= LONGEST_JITTER:
        raise InvalidScheduleError("`jitter` is an hour at most")
    if schedule.every is not None and not SHORTEST_INTERVAL <= schedule.every <= LONGEST_INTERVAL:
        raise InvalidScheduleError("`every` is between a minute and a year")
    if schedule.every is not None and schedule.jitter >= schedule.every:
        raise InvalidScheduleError("`jitter` must be shorter than `every`")
    try:
        zone = ZoneInfo(schedule.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidScheduleError(f"there is no time zone {schedule.time_zone}") from None
    if schedule.cron is not None:
        try:
            has_times = next(CronSim(schedule.cron, schedule.saved_at.astimezone(zone)), None) is not None
        except CronSimError as error:
            raise InvalidScheduleError(f"`cron` is not a cron expression of five fields: {error}") from None
        if not has_times:
            raise InvalidScheduleError("`cron` never comes true")
    return schedule
