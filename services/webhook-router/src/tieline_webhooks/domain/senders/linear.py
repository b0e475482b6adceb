"""Linear: issues, comments, projects and whatever else a webhook is subscribed to.

`webhookTimestamp` is part of the signed body and checked. Linear sends a failed delivery again with a new one, so a
repeat is recognised by its body without it; `Linear-Delivery` is not signed.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec
from msgspec import field

from tieline_webhooks.domain.events import NormalisedEvent, Severity, State
from tieline_webhooks.domain.senders.base import Expectations, Headers, JsonSender
from tieline_webhooks.domain.senders.errors import StaleTimestampError
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
from tieline_webhooks.domain.senders.signing import Secret, check_age, check_hex, keys_of, require_hex

SIGNATURE = "linear-signature"
FORM = "64 lower-case hex digits"
TOLERANCE = timedelta(seconds=60)  # as Linear's own library

_SEND_TIME = b'"webhookTimestamp"'
_send_time = re.compile(rb'"webhookTimestamp"\s*:\s*[0-9.eE+-]+')
_issue_key = re.compile(r"/issue/([A-Za-z0-9]+)-\d+")

_SEVERITIES: dict[int, Severity] = {1: "critical", 2: "error", 3: "warning", 4: "info"}
_STATES: dict[str, State] = {
    "triage": "open",
    "backlog": "open",
    "unstarted": "open",
    "started": "acknowledged",
    "completed": "resolved",
    "canceled": "ignored",
    "duplicate": "ignored",
}


class Named(Shape):
    """A person, a team or a project."""

    id: Id = None
    key: Text = None
    name: Text = None


class WorkflowState(Shape):
    """Where an issue stands, in the team's word and Linear's kind."""

    name: Text = None
    type: Text = None


class Issue(Shape):
    """The issue that a comment or a reaction belongs to."""

    id: Id = None
    identifier: Text = None
    title: Text = None
    team: Named | None = None


class Data(Shape):
    """The resource that changed. Issues have all of these, others some."""

    id: Id = None
    identifier: Text = None
    title: Text = None
    name: Text = None
    body: Text = None
    description: Text = None
    priority: int | float | None = None
    priority_label: Text = field(default=None, name="priorityLabel")
    state: WorkflowState | None = None
    team: Named | None = None
    project: Named | None = None
    issue_id: Id = field(default=None, name="issueId")
    issue: Issue | None = None
    user: Named | None = None


class Hook(Shape):
    """The body of every Linear webhook."""

    action: Text = None
    type: Text = None
    created_at: Time = field(default=None, name="createdAt")
    url: Text = None
    data: Data | None = None
    actor: Named | None = None


class SendTime(Shape):
    """When Linear sent this attempt, in milliseconds."""

    sent: int | float | None = field(default=None, name="webhookTimestamp")


class LinearSender(JsonSender[Hook]):
    """Linear."""

    name: ClassVar[str] = "linear"
    title: ClassVar[str] = "Linear"
    provider: ClassVar[str] = "linear"
    reader = Reader(Hook)
    _send_time_decoder = msgspec.json.Decoder(SendTime)
    expects: ClassVar[Expectations] = {
        "sender": "Linear",
        "content_type": "application/json",
        "signature": {
            "headers": ["Linear-Signature"],
            "form": FORM,
            "algorithm": "HMAC-SHA256",
            "encoding": "hex",
            "signed": "the raw request body",
            "key": "the webhook's signing secret, as it is",
        },
        "freshness": "webhookTimestamp in the body, milliseconds, at most 60 s from now",
        "deduplication": "SHA-256 of the body without webhookTimestamp; Linear-Delivery is not signed",
        "configure": [
            "In Linear, Settings > API > Webhooks, create a webhook with this address.",
            "Choose the resource types you want.",
            "Store its signing secret here as webhookSecret of the linear integration.",
        ],
    }

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if a secret signed these bytes in the last minute; raise a SignatureError otherwise."""
        keys = keys_of(secrets)
        check_hex(body, [require_hex(SIGNATURE, headers.get(SIGNATURE), "", FORM)], keys)
        try:
            sent = self._send_time_decoder.decode(body).sent
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            sent = None
        if sent is None:
            raise StaleTimestampError(sent_at=None, now=now, tolerance=TOLERANCE)
        check_age(sent / 1000, now, TOLERANCE)

    def event(self, shape: Hook, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event, named by the resource type and the action."""
        del headers
        data, kind = shape.data or Data(), (shape.type or "unknown").lower()
        key = body_key(_without_send_time(body))
        is_issue = kind == "issue"
        issue_id = data.id if is_issue else data.issue_id or (data.issue.id if data.issue else None)
        status = data.state.name if is_issue and data.state else None
        return NormalisedEvent(
            type=dotted(f"linear.{kind}.{shape.action}" if shape.action else f"linear.{kind}"),
            source="linear",
            subject=f"linear/issue/{issue_id}" if issue_id else subject_of(f"linear/{kind}", data.id, key),
            title=headline(data.title, data.issue.title if data.issue else None, data.name)
            or f"Linear {kind} {shape.action or ''}".rstrip(),
            dedupe_key=key,
            severity=_SEVERITIES.get(int(data.priority or 0), "info"),
            level=data.priority_label if data.priority else None,
            state=_state(data, shape.action) if is_issue else None,
            status=status,
            project=_project(data, shape.url),
            project_id=text_of(data.team.id) if data.team else None,
            link=web_link(shape.url),
            detail=excerpt(data.body or data.description),
            actor=headline(shape.actor.name if shape.actor else None, data.user.name if data.user else None),
            occurred_at=instant(shape.created_at),
        )


def _without_send_time(body: bytes) -> bytes:
    """Return what all attempts to send it share. No string can hold the name: quotes are escaped in strings."""
    at = body.find(_SEND_TIME)
    return body if at < 0 else body[:at] + _send_time.sub(b"", body[at:])


def _state(data: Data, action: str | None) -> State | None:
    if action == "remove":
        return "deleted"
    return _STATES.get(data.state.type or "") if data.state else None


def _project(data: Data, url: str | None) -> str | None:
    """Return the team's key, such as ENG, by which Linear numbers issues; a project's name where there is no team."""
    team = data.team or (data.issue.team if data.issue else None)
    if team is not None and team.key:
        return team.key
    identifier = data.identifier or (data.issue.identifier if data.issue else None)
    if identifier and "-" in identifier:
        return identifier.partition("-")[0]
    found = _issue_key.search(url or "")
    if found:
        return found[1]
    return data.project.name if data.project else data.name
