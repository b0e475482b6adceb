"""Sentry's integration platform: issues, alerts, errors, comments, installations.

What a body is about is read from its `data`, which is signed; the `Sentry-Hook-Resource` header is not, so it only
names resources that Tieline does not know. Sentry allows one second for the answer.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from tieline_webhooks.domain.events import NormalisedEvent, Severity, State
from tieline_webhooks.domain.senders.base import Expectations, Headers, JsonSender
from tieline_webhooks.domain.senders.reading import (
    Reader,
    body_key,
    dotted,
    excerpt,
    headline,
    instant,
    subject_of,
    text_of,
    web_link,
)
from tieline_webhooks.domain.senders.sentry_shapes import (
    Activity,
    AlertRule,
    Data,
    ErrorEvent,
    Hook,
    Installation,
    Issue,
    MetricAlert,
    Named,
)
from tieline_webhooks.domain.senders.signing import Secret, check_hex, keys_of, require_hex

SIGNATURE = "sentry-hook-signature"
COMPONENT_SIGNATURE = "sentry-app-signature"  # the same digest on requests of Sentry's own interface

_SEVERITIES: dict[str, Severity] = {
    "fatal": "critical",
    "critical": "critical",
    "error": "error",
    "warning": "warning",
    "info": "info",
    "debug": "debug",
    "sample": "debug",
}
_STATES: dict[str, State] = {
    "unresolved": "open",
    "resolved": "resolved",
    "resolvedInNextRelease": "resolved",
    "ignored": "ignored",
    "archived": "ignored",
    "muted": "ignored",
}
_ALERT_STATES: dict[str, State] = {"critical": "open", "warning": "open", "resolved": "resolved"}
_KNOWN_RESOURCES = frozenset(
    {"issue", "event_alert", "metric_alert", "activity_alert", "error", "comment", "installation"}
)


class SentrySender(JsonSender[Hook]):
    """Sentry, hosted or self-hosted."""

    name: ClassVar[str] = "sentry"
    title: ClassVar[str] = "Sentry"
    provider: ClassVar[str] = "sentry"
    reader = Reader(Hook)
    expects: ClassVar[Expectations] = {
        "sender": "Sentry",
        "content_type": "application/json",
        "signature": {
            "headers": ["Sentry-Hook-Signature"],
            "form": "64 lower-case hex digits",
            "algorithm": "HMAC-SHA256",
            "encoding": "hex",
            "signed": "the raw request body",
            "key": "the integration's client secret, as it is",
        },
        "freshness": "not checked: Sentry-Hook-Timestamp is not signed; repeats are recognised by their body",
        "deduplication": "SHA-256 of the body",
        "configure": [
            "In Sentry, Settings > Developer Settings, create an internal integration with this webhook URL.",
            "Tick the resources you want, and Alert Rule Action to receive alerts.",
            "Store its client secret here as webhookSecret of the sentry integration.",
        ],
    }

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if a secret signed these bytes, which may be none; raise a SignatureError otherwise."""
        del now  # Sentry signs no time
        keys = keys_of(secrets)
        value = headers.get(SIGNATURE) or headers.get(COMPONENT_SIGNATURE)
        check_hex(body, [require_hex(SIGNATURE, value, "", "64 lower-case hex digits")], keys)

    def event(self, shape: Hook, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event, by the member of `data` that says what it is about."""
        data, key = shape.data or Data(), body_key(body)
        if data.activity is not None and data.issue is not None:
            return _activity_alert(shape, data.activity, data.issue, key)
        if data.issue is not None:
            return _issue(shape, data.issue, key)
        if data.event is not None:
            return _occurrence(shape, data, data.event, "event_alert", key)
        if data.error is not None:
            return _occurrence(shape, data, data.error, "error", key)
        if data.metric_alert is not None:
            return _metric_alert(shape, data, data.metric_alert, key)
        if data.comment is not None and data.issue_id is not None:
            return _comment(shape, data, key)
        if data.installation is not None:
            return _installation(shape, data.installation, key)
        return _unknown(shape, headers, key)


def _type(resource: str, shape: Hook) -> str:
    return dotted(f"sentry.{resource}.{shape.action or 'unknown'}")


def _actor(shape: Hook) -> str | None:
    return headline(shape.actor.name) if shape.actor else None


def _issue(shape: Hook, issue: Issue, key: str) -> NormalisedEvent:
    project = issue.project or Named()
    return NormalisedEvent(
        type=_type("issue", shape),
        source="sentry",
        subject=subject_of("sentry/issue", issue.id, key),
        title=headline(issue.title, issue.culprit) or f"Sentry issue {issue.id}",
        dedupe_key=key,
        severity=_SEVERITIES.get(issue.level or "", "error"),
        level=issue.level,
        state=_STATES.get(issue.status or shape.action or "", "open"),
        status=issue.status,
        project=project.slug or project.name,
        project_id=text_of(project.id),
        link=web_link(issue.web_url, issue.permalink),
        detail=excerpt(issue.culprit),
        actor=_actor(shape),
        occurred_at=instant(issue.first_seen) if shape.action == "created" else None,
    )


def _occurrence(shape: Hook, data: Data, event: ErrorEvent, resource: str, key: str) -> NormalisedEvent:
    """Return an alert on an issue, or one error: about the issue if the body tells which, else about the occurrence."""
    issue_id = text_of(event.issue_id) or _segment_after(event.web_url or event.issue_url, "issues", 0)
    level = event.level or _tag(event.tags, "level")
    return NormalisedEvent(
        type=_type(resource, shape),
        source="sentry",
        subject=f"sentry/issue/{issue_id}" if issue_id else subject_of("sentry/event", event.event_id, key),
        title=headline(event.title, event.message, event.culprit) or "Sentry event",
        dedupe_key=key,
        severity=_SEVERITIES.get(level or "", "error"),
        level=level,
        state="open" if resource == "event_alert" else None,
        project=_segment_after(event.url, "projects", 1) or text_of(event.project),
        project_id=text_of(event.project),
        link=web_link(event.web_url),
        detail=excerpt(
            f"{event.culprit or ''}\nAlert: {data.triggered_rule}" if data.triggered_rule else event.culprit
        ),
        actor=_actor(shape),
        occurred_at=instant(event.occurred),
    )


def _metric_alert(shape: Hook, data: Data, alert: MetricAlert, key: str) -> NormalisedEvent:
    action, rule = shape.action or "", alert.alert_rule or AlertRule()
    return NormalisedEvent(
        type=_type("metric_alert", shape),
        source="sentry",
        subject=subject_of("sentry/metric_alert", alert.id, key),
        title=headline(data.description_title, alert.title, rule.name) or f"Sentry metric alert {alert.id}",
        dedupe_key=key,
        severity=_SEVERITIES.get(action, "info"),
        level=action if action in _SEVERITIES else None,
        state=_ALERT_STATES.get(action),
        status=shape.action,
        project=alert.projects[0] if alert.projects else None,
        link=web_link(data.web_url),
        detail=excerpt(data.description_text),
        actor=_actor(shape),
        occurred_at=instant(alert.date_closed if action == "resolved" else alert.date_started),
    )


def _activity_alert(shape: Hook, activity: Activity, issue: Issue, key: str) -> NormalisedEvent:
    about = _issue(shape, issue, key)
    return msgspec.structs.replace(
        about, type=_type("activity_alert", shape), state=None, status=None, detail=excerpt(activity.type)
    )


def _comment(shape: Hook, data: Data, key: str) -> NormalisedEvent:
    return NormalisedEvent(
        type=_type("comment", shape),
        source="sentry",
        subject=subject_of("sentry/issue", data.issue_id, key),
        title=f"Comment on Sentry issue {data.issue_id} {shape.action or ''}".rstrip(),
        dedupe_key=key,
        project=data.project_slug,
        detail=excerpt(data.comment),
        actor=_actor(shape),
        occurred_at=instant(data.timestamp),
    )


def _installation(shape: Hook, installation: Installation, key: str) -> NormalisedEvent:
    app, organization = installation.app or Named(), installation.organization or Named()
    done = {"created": "installed in", "deleted": "removed from"}.get(shape.action or "", "changed in")
    return NormalisedEvent(
        type=_type("installation", shape),
        source="sentry",
        subject=subject_of("sentry/installation", installation.uuid, key),
        title=headline(f"Sentry app {app.slug or ''} {done} {organization.slug or 'the organisation'}") or "Sentry app",
        dedupe_key=key,
        actor=_actor(shape),
    )


def _unknown(shape: Hook, headers: Headers, key: str) -> NormalisedEvent:
    """Return an event that nothing is lost by; named by the header only if that claims nothing the body would show."""
    resource = headers.get("sentry-hook-resource", "")
    named = bool(resource) and resource not in _KNOWN_RESOURCES
    return NormalisedEvent(
        type=_type(resource, shape) if named else "sentry.unknown",
        source="sentry",
        subject=subject_of("sentry/webhook", None, key),
        title=" ".join(
            ("Sentry", resource[:64] if named else "webhook of an unknown kind", shape.action or "")
        ).rstrip(),
        dedupe_key=key,
        actor=_actor(shape),
    )


def _segment_after(url: str | None, marker: str, skip: int) -> str | None:
    """Return the path segment `skip` segments after `/marker/`: an issue's id, or a project's slug after its org's."""
    if not url:
        return None
    segments = url.partition(f"/{marker}/")[2].split("/")
    return segments[skip] or None if len(segments) > skip else None


def _tag(tags: msgspec.Raw, name: str) -> str | None:
    """Return the value of a tag. Tags come as pairs."""
    try:
        pairs = msgspec.json.decode(tags, type=list[tuple[str, str | None]])
    except msgspec.DecodeError:
        return None
    return next((value for tag, value in pairs if tag == name), None)
