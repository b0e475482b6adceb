"""Facts for people out of data whose shape nobody promised: emitted events and Standard Webhooks.

The names tried are the usual ones, in order; a member of another type counts as absent.
"""

from collections.abc import Mapping

from tieline_webhooks.domain.events import Severity, State
from tieline_webhooks.domain.senders.reading import excerpt, headline, text_of, web_link

_TITLES = ("title", "summary", "headline", "name", "message", "description")
_DETAILS = ("description", "message", "details", "reason", "body")
_LEVELS = ("severity", "level", "priority", "urgency")
_STATES = ("state", "status", "outcome", "result")
_PROJECTS = ("project", "service", "application", "app", "component", "repository")
_PROJECT_IDS = ("project_id", "projectId", "service_id", "serviceId")
_LINKS = ("link", "url", "html_url", "web_url", "permalink")
_ACTORS = ("actor", "user", "author", "by")

_SEVERITY_WORDS: dict[str, Severity] = {
    **dict.fromkeys(
        ("critical", "fatal", "emergency", "alert", "blocker", "urgent", "p1", "sev1", "highest"), "critical"
    ),
    **dict.fromkeys(("error", "high", "major", "p2", "sev2"), "error"),
    **dict.fromkeys(("warning", "warn", "medium", "moderate", "p3", "sev3"), "warning"),
    **dict.fromkeys(("info", "informational", "notice", "low", "minor", "p4", "sev4"), "info"),
    **dict.fromkeys(("debug", "trace", "trivial", "p5", "sev5"), "debug"),
}
_STATE_WORDS: dict[str, State] = {
    **dict.fromkeys(("open", "opened", "triggered", "firing", "new", "unresolved", "failing", "reopened"), "open"),
    **dict.fromkeys(("acknowledged", "in progress", "in_progress", "started", "investigating"), "acknowledged"),
    **dict.fromkeys(("resolved", "closed", "fixed", "done", "completed", "ok", "recovered"), "resolved"),
    **dict.fromkeys(("ignored", "muted", "dismissed", "archived", "canceled", "cancelled"), "ignored"),
    **dict.fromkeys(("deleted", "removed"), "deleted"),
}


class Facts:
    """What free-form data says of an event. Everything may be absent."""

    __slots__ = ("actor", "detail", "level", "link", "project", "project_id", "severity", "state", "status", "title")

    def __init__(self, data: object) -> None:
        members: Mapping[str, object] = data if isinstance(data, dict) else {}
        self.title = headline(*(_text(members, name) for name in _TITLES))
        detail = _first(members, _DETAILS)
        self.detail = excerpt(detail) if detail != self.title else None
        self.level = headline(_first(members, _LEVELS))
        self.severity: Severity = _SEVERITY_WORDS.get((self.level or "").lower(), "info")
        self.status = headline(_first(members, _STATES))
        self.state: State | None = _STATE_WORDS.get((self.status or "").lower())
        self.project = headline(_first(members, _PROJECTS))
        self.project_id = _first(members, _PROJECT_IDS) or _id_of(members, _PROJECTS)
        self.link = web_link(*(_text(members, name) for name in _LINKS))
        self.actor = headline(_first(members, _ACTORS))


def _first(members: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((found for name in names if (found := _text(members, name))), None)


def _text(members: Mapping[str, object], name: str) -> str | None:
    """Return a member as text; of an object, its slug, name or title."""
    value = members.get(name)
    if isinstance(value, dict):
        return next((found for part in ("slug", "name", "title") if (found := text_of(value.get(part)))), None)
    return text_of(value)


def _id_of(members: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = members.get(name)
        if isinstance(value, dict) and (found := text_of(value.get("id"))):
            return found
    return None
