"""What a message says, before a platform's syntax: the same for every channel."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tieline_webhooks.domain.events import NormalisedEvent, Severity, State
from tieline_webhooks.domain.messages.text import one_line, several_lines
from tieline_webhooks.domain.senders.reading import web_link

_MARKS: dict[Severity, str] = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵", "debug": "⚪"}
_STATE_MARKS: dict[State, str] = {"acknowledged": "👀", "resolved": "✅", "ignored": "🔇", "deleted": "🗑️"}
_COLOURS: dict[Severity, int] = {
    "critical": 0xB42318,
    "error": 0xE5602A,
    "warning": 0xE2A400,
    "info": 0x2E6FD8,
    "debug": 0x8A8F98,
}
_STATE_COLOURS: dict[State, int] = {"resolved": 0x2E9E5B, "ignored": 0x8A8F98, "deleted": 0x8A8F98}
_SOURCES = {
    "sentry": "Sentry",
    "pagerduty": "PagerDuty",
    "github": "GitHub",
    "linear": "Linear",
    "jira": "Jira",
    "slack": "Slack",
}
_LEVEL_LABELS = {"pagerduty": "Urgency", "jira": "Priority", "linear": "Priority"}
_PROJECT_LABELS = {"pagerduty": "Service", "github": "Repository", "linear": "Team", "slack": "Channel"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A message in plain text. Nothing in it is escaped; `facts` are labels of ours with values of others."""

    mark: str
    colour: int
    title: str
    facts: tuple[tuple[str, str], ...]
    detail: str | None
    link: str | None
    link_label: str
    footer: str
    occurred_at: datetime


def content_of(event: NormalisedEvent, *, received_at: datetime, resolved_from: State | None = None) -> Content:
    """Return what a message about `event` says. `resolved_from` is the state that the message told before."""
    occurred_at = (event.occurred_at or received_at).astimezone(UTC)
    source = _SOURCES.get(event.source)
    facts = (
        (_LEVEL_LABELS.get(event.source, "Level"), event.level or event.severity),
        (_PROJECT_LABELS.get(event.source, "Project"), event.project),
        ("State", _state(event, resolved_from)),
        ("By", event.actor),
    )
    return Content(
        mark=_STATE_MARKS.get(event.state) or _MARKS[event.severity] if event.state else _MARKS[event.severity],
        colour=_STATE_COLOURS.get(event.state, _COLOURS[event.severity]) if event.state else _COLOURS[event.severity],
        title=one_line(event.title) or event.type,
        facts=tuple((label, value) for label, raw in facts if raw and (value := one_line(raw))),
        detail=several_lines(event.detail) or None if event.detail else None,
        link=web_link(event.link),  # the event may have been written by another service
        link_label=f"Open in {source}" if source else "Open",
        footer=f"{one_line(event.type)} · {occurred_at:%Y-%m-%d %H:%M} UTC",
        occurred_at=occurred_at,
    )


def _state(event: NormalisedEvent, before: State | None) -> str | None:
    now = event.status or event.state
    return f"{before} → {now}" if now and before and before != event.state else now
