"""Channel routes, and why one takes an event or not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from tieline.routing.content_filter import ContentFilter
from tieline.routing.patterns import RoutePatterns, first_match, tokens_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRoute:
    """Events that match go to a channel. Unchanging: an edited route is another one with the same id."""

    id: str
    workspace_id: str
    event_type: str
    """The patterns as the user wrote them."""
    patterns: RoutePatterns
    channel: str
    """The kind of channel, such as `slack`."""
    channel_id: str
    """The channel at the provider, such as `C0ALERTS`."""
    project_id: str | None
    """Takes only events of this project, by its id or its name; None takes all, also those without a project."""
    enabled: bool
    content_filter: ContentFilter | None
    fallback_route_id: str | None
    """Where deliveries go while this route's destination stays down."""
    created_at: datetime

    @property
    def takes_all(self) -> bool:
        """Whether it takes everything that its patterns match."""
        return self.enabled and self.project_id is None and self.content_filter is None


class RoutableEvent(Protocol):
    """What a route looks at."""

    @property
    def names(self) -> tuple[str, ...]:
        """The event's type, then its other names."""
        ...

    @property
    def project_id(self) -> str | None:
        """The sender's id of the project that the event belongs to, if any."""
        ...

    @property
    def project(self) -> str | None:
        """The name, slug or key of that project."""
        ...

    @property
    def data(self) -> object:
        """The decoded body. Read only if a route has a content filter, so it may be decoded when first asked for."""
        ...


class Reason(StrEnum):
    """Why a route takes an event or not, in the order in which they are looked at."""

    PATTERN_MISMATCH = "pattern_mismatch"
    EXCLUDED = "excluded"
    DISABLED = "disabled"
    PROJECT_MISMATCH = "project_mismatch"
    FILTERED = "filtered"
    MATCHED = "matched"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a route says to an event.

    `detail` is for people: the pattern that excluded it, the project that the route wants, or where the content filter
    failed and how.
    """

    reason: Reason
    detail: str | None = None

    @property
    def takes(self) -> bool:
        """Whether the event is delivered."""
        return self.reason is Reason.MATCHED


_MATCHED: Final = Verdict(Reason.MATCHED)
_PATTERN_MISMATCH: Final = Verdict(Reason.PATTERN_MISMATCH)
_DISABLED: Final = Verdict(Reason.DISABLED)


def decide(route: ChannelRoute, event: RoutableEvent) -> Verdict:
    """Return what the route says to the event; of several objections the first."""
    names = [tokens_of(name) for name in event.names]
    if first_match(route.patterns.includes, names) is None:
        return _PATTERN_MISMATCH
    excluding = first_match(route.patterns.excludes, names)
    if excluding is not None:
        return Verdict(Reason.EXCLUDED, excluding.text)
    return decide_matched(route, event)


def decide_matched(route: ChannelRoute, event: RoutableEvent) -> Verdict:
    """As `decide`, for a route that the index returned for the event's names."""
    if not route.enabled:
        return _DISABLED
    if route.project_id is not None and route.project_id not in (event.project_id, event.project):
        return Verdict(Reason.PROJECT_MISMATCH, route.project_id)
    objection = route.content_filter.why_not(event.data) if route.content_filter is not None else None
    return _MATCHED if objection is None else Verdict(Reason.FILTERED, objection)
