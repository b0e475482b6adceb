"""How calls with one integration's credentials go, and when to leave a provider alone for a while."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

FAILURES_TO_OPEN: Final = 10
"""Outages in a row after which calls are not even tried; enough for a person who tries again to see real answers."""
REST: Final = timedelta(seconds=15)
LONGEST_MESSAGE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is known of one integration at one revision of it. Instants only move on."""

    integration_id: str
    workspace_id: str
    revision: int
    last_success_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: str | None = None
    refused_at: datetime | None = None
    outages: int = 0
    open_until: datetime | None = None

    @property
    def credentials_failed_at(self) -> datetime | None:
        """Return when the credentials were refused last, None if they have worked since."""
        return self.refused_at if _later(self.refused_at, self.last_success_at) else None

    def is_open(self, now: datetime) -> bool:
        """Tell whether calls are not tried now."""
        return self.rest(now) is not None

    def rest(self, now: datetime) -> timedelta | None:
        """Return how long the provider is left alone yet, None when it may be called."""
        resting = _later(self.last_error_at, self.last_success_at) and _later(self.open_until, now)
        return self.open_until - now if resting and self.open_until else None

    def probed(self, now: datetime) -> "Health":
        """Return the health while one caller tries whether the provider is back: to everybody else it rests on.

        The same health where there is nothing to try.
        """
        return replace(self, open_until=now + REST) if self.outages >= FAILURES_TO_OPEN else self

    def at_revision(self, revision: int) -> "Health":
        """Return the health to go on with: with other settings, what failed before says nothing."""
        if revision == self.revision:
            return self
        return replace(self, revision=revision, refused_at=None, outages=0, open_until=None)

    def succeeded(self, now: datetime) -> "Health":
        """Return the health after an answer."""
        return replace(self, last_success_at=now, outages=0, open_until=None)

    def failed(self, now: datetime, message: str, *, is_outage: bool, refused: bool) -> "Health":
        """Return the health after a failure. Only outages open the breaker; other failures prove a living provider."""
        outages = self.outages + 1 if is_outage else 0
        return replace(
            self,
            last_error_at=now,
            last_error=message[:LONGEST_MESSAGE],
            refused_at=now if refused else self.refused_at,
            outages=outages,
            # One call is let through after each rest (see `probed`); if it fails as well, the next rest begins.
            open_until=now + REST if outages >= FAILURES_TO_OPEN else None,
        )


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)
