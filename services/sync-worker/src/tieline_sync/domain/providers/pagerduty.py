"""PagerDuty's REST API v2 and surface C's documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from tieline.contracts.base import JsonObject

from tieline_sync.domain.providers.reading import at, instant, number, text

LARGEST_PAGE = 100
FARTHEST = 10_000  # offset and limit together reach no further
MOST_ONCALLS = 1_000  # of one escalation policy; they come in no order of levels


def oncall_query(policy_id: str, *, offset: int) -> list[tuple[str, str]]:
    """Return the query for one page of who is on call by an escalation policy."""
    return [
        ("escalation_policy_ids[]", policy_id),
        ("include[]", "users"),
        ("limit", str(LARGEST_PAGE)),
        ("offset", str(offset)),
    ]


def oncall_of(oncalls: Sequence[Mapping[str, Any]]) -> JsonObject:
    """Return the document of who is on call: the first of the lowest level; null when nobody is."""
    found = [each for each in oncalls if at(each, "user")]
    if not found:
        return {"oncall": None}
    first = min(found, key=lambda each: (number(each, "escalation_level"), text(each, "start") or ""))
    return {
        "oncall": {
            "userId": text(first, "user", "id"),
            "name": text(first, "user", "name") or text(first, "user", "summary"),
            "email": text(first, "user", "email"),
            "escalationLevel": number(first, "escalation_level"),
            "since": instant(first, "start"),
            "until": instant(first, "end"),
        }
    }


def incidents_query(statuses: Sequence[str], *, limit: int, offset: int) -> list[tuple[str, str]]:
    """Return the query for one page of incidents of all times, newest first, people in full."""
    return [
        *(("statuses[]", status) for status in statuses),
        ("date_range", "all"),  # the default leaves out what has been open for more than a month
        ("include[]", "assignees"),
        ("sort_by", "created_at:desc"),
        ("total", "true"),
        ("limit", str(limit)),
        ("offset", str(offset)),
    ]


def incident_of(incident: Mapping[str, Any]) -> JsonObject:
    """Return one entry of the document's incidents."""
    assignee = at(incident, "assignments", 0, "assignee")
    return {
        "id": text(incident, "id"),
        "title": text(incident, "title") or text(incident, "summary"),
        "status": text(incident, "status"),
        "urgency": text(incident, "urgency"),
        "service": text(incident, "service", "summary"),
        "createdAt": instant(incident, "created_at"),
        "assignee": None
        if assignee is None
        else {"name": text(assignee, "name") or text(assignee, "summary"), "email": text(assignee, "email")},
    }


def acknowledgement() -> JsonObject:
    """Return the change that acknowledges an incident."""
    return {"incident": {"type": "incident_reference", "status": "acknowledged"}}


def note_by(acknowledged_by: str) -> JsonObject:
    """Return the note that tells who acknowledged."""
    return {"note": {"content": f"Acknowledged by {acknowledged_by}"}}


def acknowledged_of(incident: Any) -> JsonObject:
    """Return the document of an incident that is acknowledged."""
    return {
        "id": text(incident, "id"),
        "status": text(incident, "status"),
        "acknowledgedAt": instant(incident, "acknowledgements", -1, "at") or instant(incident, "last_status_change_at"),
    }


def said(answer: Any) -> str:
    """Return what PagerDuty says of an error."""
    error = at(answer, "error")
    message = text(error, "message") or text(answer, "message") or ""
    reasons = at(error, "errors")
    first = reasons[0] if isinstance(reasons, list) and reasons and isinstance(reasons[0], str) else ""
    return f"{message}: {first}" if message and first else message or first
