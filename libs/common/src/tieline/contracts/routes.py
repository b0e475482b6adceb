"""A channel route: which events go to which channel.

Topic `registry.route.events.v1`, key the route's id, compacted; a tombstone means the route was deleted.
"""

from datetime import datetime
from typing import Literal

from tieline.contracts.base import Contract, JsonObject

ROUTE_SAVED = "route.saved"
ROUTE_DELETED = "route.deleted"

Channel = Literal["slack", "whatsapp", "telegram", "discord", "webhook"]


class ChannelRoute(Contract):
    """Events whose type matches `event_type` go to `channel_id` on `channel`, within one project if given."""

    id: str
    workspace_id: str
    workspace_slug: str
    event_type: str
    channel: Channel
    channel_id: str
    project_id: str | None = None
    enabled: bool = True
    filter: JsonObject | None = None
    fallback_route_id: str | None = None
    created_at: datetime
    updated_at: datetime
    revision: int = 1
