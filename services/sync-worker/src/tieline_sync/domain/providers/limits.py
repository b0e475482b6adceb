"""When a provider that limits us wants to see us again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

DEFAULT_WAIT: Final = timedelta(seconds=30)  # for a provider that does not say
LONGEST_WAIT: Final = timedelta(hours=24)
_MILLISECONDS_FROM = 100_000_000_000  # as seconds, the year 5138

# Headers that give the instant at which the limit ends, in seconds or milliseconds since 1970: Sentry, GitHub, Linear.
_INSTANTS: Final = (
    "x-sentry-rate-limit-reset",
    "x-ratelimit-requests-reset",
    "x-ratelimit-complexity-reset",
    "x-ratelimit-reset",
)


def wait_of(headers: Mapping[str, str], now: datetime) -> timedelta:
    """Return how long to wait: `Retry-After` as seconds or date, else a rate limit's own header, else 30 s.

    `headers` has lower-case names. The result is between a second and a day.
    """
    found = stated_wait(headers, now)
    return min(max(DEFAULT_WAIT if found is None else found, timedelta(seconds=1)), LONGEST_WAIT)


def stated_wait(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the provider asks to wait, None if it does not say."""
    after = headers.get("retry-after", "").strip()
    if _is_number(after):
        return _seconds(after)
    if after:
        try:
            return parsedate_to_datetime(after).astimezone(UTC) - now
        except (TypeError, ValueError, OverflowError):
            return None
    reset = headers.get("ratelimit-reset", "").strip()
    if _is_number(reset):
        return _seconds(reset)
    for name in _INSTANTS:
        stated = headers.get(name, "").strip()
        if _is_number(stated):
            seconds = float(stated)
            return _seconds(str(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds)) - _since_1970(now)
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.replace(".", "", 1).isdigit()


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=min(float(text), 1e12))


def _since_1970(now: datetime) -> timedelta:
    return now - datetime(1970, 1, 1, tzinfo=UTC)
