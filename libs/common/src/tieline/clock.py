"""The one place that reads the clock; everything else is handed an instant or a `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Return the present instant, aware, in UTC."""


def system_clock() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


def milliseconds(instant: datetime) -> int:
    """Return `instant` as milliseconds since the Unix epoch, as Kafka stamps records."""
    return int(instant.timestamp() * 1000)


def iso_z(instant: datetime) -> str:
    """Return `instant` in UTC to the second with a trailing Z: `2026-03-21T14:10:00Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
