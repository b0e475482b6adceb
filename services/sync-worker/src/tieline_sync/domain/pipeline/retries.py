"""When a call may be tried again, and after which wait."""

from datetime import timedelta
from typing import Final

from tieline_sync.domain.pipeline.endpoint import Endpoint

REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
NOT_ACTED: Final = frozenset({408, 425, 429, 503})
"""Statuses by which a server says that it has not taken the request up (RFC 9110, 6585, 8470)."""

FIRST_WAIT: Final = timedelta(milliseconds=500)
LONGEST_WAIT: Final = timedelta(seconds=8)


def may_repeat(endpoint: Endpoint, *, names_itself: bool, status: int | None, sent: bool) -> bool:
    """Tell whether a call that got `status`, or no answer at all (None), may be made again.

    Only for a listed status or a lost connection; and where repeating could do something twice, only when the server
    can't have acted (nothing was `sent`, or it says so) or knows a repetition by its key.
    """
    if status is not None and status not in endpoint.retry_on_status:
        return False
    if endpoint.method in REPEATABLE or names_itself:
        return True
    return not sent if status is None else status in NOT_ACTED


def wait_before(retry: int, *, asked: timedelta | None, jitter: float) -> timedelta:
    """Return the wait before retry number `retry` (from 1): what the server asks for, else doubling, ±20 %.

    `jitter` is from 0 to 1.
    """
    if asked is not None:
        return max(asked, timedelta())
    doublings: int = 2 ** min(retry - 1, 16)
    return min(FIRST_WAIT * doublings, LONGEST_WAIT) * (0.8 + 0.4 * jitter)
