"""Kinds that PagerDuty sends."""

from typing import Any

from tieline_webhooks.domain.senders.catalogue.kind import EventKind

SITE = "https://acme.pagerduty.com"
SERVICE = {
    "id": "PSVC001",
    "summary": "api-gateway",
    "html_url": f"{SITE}/services/PSVC001",
    "type": "service_reference",
}
INCIDENT = {"id": "P1INC001", "summary": "Checkout is slow", "html_url": f"{SITE}/incidents/P1INC001"}


def _kind(name: str, when: str, data: dict[str, Any]) -> EventKind:
    event = {
        "id": f"01EXAMPLE{name.upper().replace('.', '')}",
        "event_type": name,
        "occurred_at": "2026-03-21T14:05:00Z",
        "agent": {"id": "PUSR001", "summary": "Ada Okafor"},
        "data": data,
    }
    return EventKind(type=name, when=when, example={"event": event})


def _incident(happened: str, status: str, when: str) -> EventKind:
    data = {
        "id": "P1INC001",
        "type": "incident",
        "title": "Checkout is slow",
        "status": status,
        "urgency": "high",
        "html_url": f"{SITE}/incidents/P1INC001",
        "service": SERVICE,
    }
    return _kind(f"incident.{happened}", when, data)


def _part(happened: str, when: str, **data: Any) -> EventKind:
    return _kind(f"incident.{happened}", when, {"incident": INCIDENT, **data})


def _service(happened: str) -> EventKind:
    return _kind(f"service.{happened}", f"a service was {happened}", {**SERVICE, "type": "service"})


KINDS = (
    _incident("triggered", "triggered", "an incident was opened"),
    _incident("acknowledged", "acknowledged", "somebody took an incident on"),
    _incident("unacknowledged", "triggered", "an acknowledgement ran out"),
    _incident("escalated", "triggered", "an incident went up its escalation policy"),
    _incident("delegated", "triggered", "an incident went to another escalation policy"),
    _incident("reassigned", "triggered", "an incident got other assignees"),
    _incident("priority_updated", "triggered", "an incident's priority changed"),
    _incident("reopened", "triggered", "a resolved incident was reopened"),
    _incident("resolved", "resolved", "an incident was resolved"),
    _part("annotated", "a note was added", type="incident_note", id="PNOTE01", content="Rolling back."),
    _part(
        "status_update_published", "a status update was sent", type="incident_status_update", message="A fix is out."
    ),
    _part("responder.added", "a responder was asked for help", type="incident_responder", message="Please look."),
    _part("responder.replied", "a responder answered", type="incident_responder", message="On it."),
    _service("created"),
    _service("updated"),
    _service("deleted"),
    _kind("pagey.ping", "somebody pressed “Send test event”", {"type": "ping", "message": "Hello from PagerDuty"}),
)
