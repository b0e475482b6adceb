"""When a delivery is tried again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

SCHEDULE: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""Waits before the first attempt, the second and so on: ten attempts over about 45 hours."""

JITTER: Final = 0.2
LONGEST_ASKED_WAIT: Final = timedelta(hours=24)  # a Retry-After beyond it is a mistake or malice

Uniform = Callable[[float, float], float]
"""Return a random number between two, as `random.uniform` does."""


def wait_before(attempt: int, uniform: Uniform) -> timedelta | None:
    """Return the wait before attempt number `attempt` (from 1), ±20 % so that failures don't march in step.

    None when there is no such attempt: the one before it was the last.
    """
    if attempt > len(SCHEDULE):
        return None
    return SCHEDULE[attempt - 1] * uniform(1 - JITTER, 1 + JITTER)


def asked_wait(retry_after: timedelta, uniform: Uniform) -> timedelta:
    """Return a wait of at least what the destination asked for, up to 10 % more, at most a day."""
    return min(retry_after, LONGEST_ASKED_WAIT) * uniform(1.0, 1.1)
