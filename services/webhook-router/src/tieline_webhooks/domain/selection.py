"""Which deliveries an operator means."""

from dataclasses import dataclass
from datetime import datetime

from tieline.routing.patterns import RoutePatterns

from tieline_webhooks.domain.deliveries import State

MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Deliveries of one workspace that fit everything given; None does not restrict."""

    ids: frozenset[str] | None = None
    states: frozenset[State] | None = None
    channel: str | None = None
    channel_id: str | None = None
    route_id: str | None = None
    event_id: str | None = None
    reason: str | None = None
    patterns: RoutePatterns | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
