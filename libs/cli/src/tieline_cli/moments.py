"""Moments as people write them."""

import re
from datetime import UTC, datetime, timedelta

from tieline_cli.errors import CliError

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime:
    """Return the instant that `text` says: `90m` or `3d` ago, or ISO 8601 (UTC unless it says). Raises CliError."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(f"{text} is no time: say 90m, 6h or 3d (ago), or 2026-03-21T14:05Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
