"""PagerDuty's V3 webhooks: incidents and services.

Events keep PagerDuty's own names, `incident.triggered`; the same with `pagerduty.` in front is an alias. The header
may carry several signatures while secrets rotate. PagerDuty allows five seconds for the answer, retries for 48 hours
on 5xx, 429 and time-outs, and drops the event on any other 4xx.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from tieline_webhooks.domain.events import NormalisedEvent, Severity, State
from tieline_webhooks.domain.senders.base import Expectations, Headers, JsonSender
from tieline_webhooks.domain.senders.errors import MalformedSignatureError, MissingSignatureError
from tieline_webhooks.domain.senders.reading import (
    Id,
    Reader,
    Shape,
    Text,
    Time,
    body_key,
    dotted,
    excerpt,
    headline,
    instant,
    subject_of,
    text_of,
    web_link,
)
from tieline_webhooks.domain.senders.signing import MAX_SIGNATURES, Secret, check_hex, is_hex_sha256, keys_of

SIGNATURE = "x-pagerduty-signature"
VERSION = "v1="
FORM = "v1=<64 lower-case hex digits>, more of them after commas"

_URGENCIES: dict[str, Severity] = {"high": "critical", "low": "warning"}
_PRIORITIES: dict[str, Severity] = {
    **dict.fromkeys(("p1", "sev1", "sev-1"), "critical"),
    **dict.fromkeys(("p2", "sev2", "sev-2"), "error"),
    **dict.fromkeys(("p3", "sev3", "sev-3"), "warning"),
    **dict.fromkeys(("p4", "sev4", "sev-4", "p5", "sev5", "sev-5"), "info"),
}
_STATES: dict[str, State] = {"triggered": "open", "acknowledged": "acknowledged", "resolved": "resolved"}


class Reference(Shape):
    """PagerDuty's way of naming another resource."""

    id: Id = None
    summary: Text = None
    html_url: Text = None


class RoleAssignment(Shape):
    """Who plays which part in an incident."""

    incident: Reference | None = None


class Data(Shape):
    """What the event is about: an incident, something of an incident, a service, or a ping's greeting."""

    type: Text = None
    id: Id = None
    html_url: Text = None
    title: Text = None
    summary: Text = None
    name: Text = None
    status: Text = None
    urgency: Text = None
    priority: Reference | None = None
    service: Reference | None = None
    incident: Reference | None = None
    incident_role_assignments: list[RoleAssignment] | None = None
    content: Text = None
    message: Text = None


class Event(Shape):
    """The envelope within the envelope."""

    id: Text = None
    event_type: Text = None
    occurred_at: Time = None
    agent: Reference | None = None
    data: Data | None = None


class Hook(Shape):
    """The body of every V3 webhook."""

    event: Event | None = None


class PagerDutySender(JsonSender[Hook]):
    """PagerDuty, any service region."""

    name: ClassVar[str] = "pagerduty"
    title: ClassVar[str] = "PagerDuty"
    provider: ClassVar[str] = "pagerduty"
    reader = Reader(Hook)
    expects: ClassVar[Expectations] = {
        "sender": "PagerDuty",
        "content_type": "application/json",
        "signature": {
            "headers": ["X-PagerDuty-Signature"],
            "form": FORM,
            "algorithm": "HMAC-SHA256",
            "encoding": "hex",
            "signed": "the raw request body",
            "key": "the webhook subscription's secret, as it is",
        },
        "freshness": "not checked: PagerDuty signs no send time; repeats are recognised by event.id",
        "deduplication": "event.id in the body",
        "configure": [
            "In PagerDuty, Integrations > Generic Webhooks (v3), create a webhook with this address.",
            "Choose the events you want.",
            "Store the secret it shows once here as webhookSecret of the pagerduty integration.",
        ],
    }

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if a secret made any of the `v1` signatures over these bytes; raise a SignatureError otherwise."""
        del now  # PagerDuty signs no send time
        keys = keys_of(secrets)
        check_hex(body, _signatures(headers.get(SIGNATURE)), keys)

    def event(self, shape: Hook, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event under PagerDuty's own name for it."""
        del headers
        event = shape.event or Event()
        data = event.data or Data()
        name = dotted(event.event_type) if event.event_type else "pagerduty.unknown"
        incident, service = _incident(data), _service(data)
        key = event.id or body_key(body)
        priority = data.priority.summary if data.priority else None
        whole = data.type == "incident"  # else it is about a part of one, and says nothing of its state
        return NormalisedEvent(
            type=name,
            aliases=(f"pagerduty.{name}",) if event.event_type else (),
            source="pagerduty",
            subject=_subject(data, incident, service, key),
            title=headline(data.title, incident.summary if incident else None, data.summary, data.message)
            or (f"PagerDuty incident {incident.id}" if incident else name.replace(".", " ").replace("_", " ")),
            dedupe_key=key,
            severity=_PRIORITIES.get((priority or "").lower()) or _URGENCIES.get(data.urgency or "", "info"),
            level=data.urgency,
            state=_STATES.get(data.status or "") if whole else None,
            status=data.status if whole else None,
            project=headline(service.summary) if service else None,
            project_id=text_of(service.id) if service else None,
            link=_link(data, incident, service),
            detail=_detail(data, incident, priority),
            actor=headline(event.agent.summary) if event.agent else None,
            occurred_at=instant(event.occurred_at),
        )


def _signatures(value: str | None) -> list[str]:
    """Return the hex of every `v1` signature; those of other versions are skipped, as PagerDuty asks."""
    if not value:
        raise MissingSignatureError(SIGNATURE)
    parts = value.split(",", MAX_SIGNATURES)[:MAX_SIGNATURES]
    digits = [part.strip()[len(VERSION) :] for part in parts if part.strip().startswith(VERSION)]
    found = [each for each in digits if is_hex_sha256(each)]
    if not found:
        raise MalformedSignatureError(SIGNATURE, FORM)
    return found


def _incident(data: Data) -> Reference | None:
    if data.type == "incident":
        return Reference(id=data.id, summary=data.title, html_url=data.html_url)
    if data.incident is not None:
        return data.incident
    return next((each.incident for each in data.incident_role_assignments or () if each.incident), None)


def _service(data: Data) -> Reference | None:
    if data.type == "service":
        return Reference(id=data.id, summary=data.summary, html_url=data.html_url)
    return data.service


def _subject(data: Data, incident: Reference | None, service: Reference | None, key: str) -> str:
    if incident is not None:
        return subject_of("pagerduty/incident", incident.id, key)
    if service is not None:
        return subject_of("pagerduty/service", service.id, key)
    return subject_of(f"pagerduty/{data.type or 'event'}", data.id, key)


def _link(data: Data, incident: Reference | None, service: Reference | None) -> str | None:
    about = incident or service
    return web_link(about.html_url if about else None, data.html_url)


def _detail(data: Data, incident: Reference | None, priority: str | None) -> str | None:
    """Return what a part of an incident says (a note, a status update, a task), or the incident's priority."""
    if incident is None:
        return None
    if data.type == "incident":
        return excerpt(f"Priority {priority}") if priority else None
    return excerpt(data.content or data.message or data.name or data.summary)
