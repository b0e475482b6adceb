"""An event that was let in: verified, normalised, about to be appended to the log."""

from datetime import datetime

import msgspec

from tieline_webhooks.domain.events import NormalisedEvent


class AcceptedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of one workspace, with the body as it came.

    `id` and `source` are the CloudEvents attributes; so is `subject`, where it differs from the event's. `agent_id` is
    there when a route took the event, `integration_id` when a webhook brought it. `extensions` are attributes that an
    emitting service added. `traceparent` ties the event to the trace of the request that brought it.
    """

    id: str
    workspace_id: str
    source: str
    event: NormalisedEvent
    body: bytes
    received_at: datetime
    subject: str | None = None
    content_type: str = "application/json"
    agent_id: str | None = None
    integration_id: str | None = None
    extensions: tuple[tuple[str, str], ...] = ()
    traceparent: str | None = None
