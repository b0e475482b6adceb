"""Messages for a service of one's own: a Standard Webhooks body with the event as Tieline understood it."""

from datetime import UTC, datetime
from typing import Any

from tieline_webhooks.domain.events import NormalisedEvent, State


def render(
    event: NormalisedEvent, *, event_id: str, received_at: datetime, resolved_from: State | None = None
) -> dict[str, Any]:
    """Return the body. Members that the event does not have are null, so that receivers need not look for them."""
    return {
        "id": event_id,
        "type": event.type,
        "timestamp": (event.occurred_at or received_at).astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {
            "source": event.source,
            "subject": event.subject,
            "aliases": list(event.aliases),
            "title": event.title,
            "detail": event.detail,
            "severity": event.severity,
            "level": event.level,
            "state": event.state,
            "status": event.status,
            "previousState": resolved_from,
            "project": event.project,
            "projectId": event.project_id,
            "link": event.link,
            "actor": event.actor,
        },
    }
