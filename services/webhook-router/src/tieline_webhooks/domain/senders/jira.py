"""Jira, cloud and data centre: issues, comments, worklogs, versions, sprints.

`jira:issue_updated` becomes `jira.issue.updated`; where Jira says more precisely what happened (`issue_commented`,
`issue_resolved`) that is an alias. `X-Atlassian-Webhook-Identifier` is not signed, so repeats are recognised by body.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import field

from tieline_webhooks.domain.events import NormalisedEvent, Severity, State
from tieline_webhooks.domain.senders.base import Expectations, Headers, JsonSender
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
from tieline_webhooks.domain.senders.signing import Secret, check_hex, keys_of, require_hex

SIGNATURE = "x-hub-signature"
FORM = "sha256=<64 lower-case hex digits>"

_SEVERITIES: dict[str, Severity] = {
    "blocker": "critical",
    "highest": "critical",
    "critical": "critical",
    "high": "error",
    "major": "error",
    "medium": "warning",
    "normal": "warning",
    "minor": "info",
    "low": "info",
    "lowest": "info",
    "trivial": "debug",
}
_CATEGORIES: dict[str, State] = {"new": "open", "indeterminate": "acknowledged", "done": "resolved"}
_STATUSES: dict[str, State] = {
    "open": "open",
    "to do": "open",
    "reopened": "open",
    "in progress": "acknowledged",
    "resolved": "resolved",
    "closed": "resolved",
    "done": "resolved",
}
_SAYS_NO_MORE = frozenset({"issue_generic", "issue_updated", "issue_created", "issue_deleted"})


class Named(Shape):
    """Anything of Jira's that has a name: a priority, a project, a person, a version."""

    id: Id = None
    key: Text = None
    name: Text = None
    display_name: Text = field(default=None, name="displayName")
    self_url: Text = field(default=None, name="self")


class Category(Shape):
    """One of Jira's three kinds of status."""

    key: Text = None


class Status(Shape):
    """The workflow's word for where an issue stands."""

    name: Text = None
    category: Category | None = field(default=None, name="statusCategory")


class Fields(Shape):
    """The fields of an issue that Tieline shows."""

    summary: Text = None
    priority: Named | None = None
    status: Status | None = None
    project: Named | None = None


class Issue(Shape):
    """An issue."""

    id: Id = None
    key: Text = None
    self_url: Text = field(default=None, name="self")
    fields: Fields | None = None


class Comment(Shape):
    """A comment. Newer bodies may hold a document instead of text; that is left out."""

    id: Id = None
    body: Text = None
    author: Named | None = None


class Change(Shape):
    """One changed field of an issue."""

    name: Text = field(default=None, name="field")
    before: Text = field(default=None, name="fromString")
    after: Text = field(default=None, name="toString")


class Changelog(Shape):
    """What an update changed."""

    items: list[Change] | None = None


class Hook(Shape):
    """The body of every Jira webhook."""

    webhook_event: Text = field(default=None, name="webhookEvent")
    issue_event: Text = field(default=None, name="issue_event_type_name")
    timestamp: Time = None
    user: Named | None = None
    issue: Issue | None = None
    comment: Comment | None = None
    changelog: Changelog | None = None
    project: Named | None = None
    version: Named | None = None
    sprint: Named | None = None


class JiraSender(JsonSender[Hook]):
    """Jira."""

    name: ClassVar[str] = "jira"
    title: ClassVar[str] = "Jira"
    provider: ClassVar[str] = "jira"
    reader = Reader(Hook)
    expects: ClassVar[Expectations] = {
        "sender": "Jira",
        "content_type": "application/json",
        "signature": {
            "headers": ["X-Hub-Signature"],
            "form": FORM,
            "algorithm": "HMAC-SHA256",
            "encoding": "hex",
            "signed": "the raw request body",
            "key": "the webhook's secret, as it is",
        },
        "freshness": "not checked: Jira signs no send time; repeats are recognised by their body",
        "deduplication": "SHA-256 of the body; X-Atlassian-Webhook-Identifier is not signed",
        "configure": [
            "In Jira, System > WebHooks (an administrator), create a webhook with this address.",
            "Generate or enter a secret: without one Jira does not sign.",
            "Store the secret here as webhookSecret of the jira integration.",
        ],
    }

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if a secret signed these bytes; raise a SignatureError otherwise."""
        del now  # Jira signs no send time
        keys = keys_of(secrets)
        check_hex(body, [require_hex(SIGNATURE, headers.get(SIGNATURE), "sha256=", FORM)], keys)

    def event(self, shape: Hook, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event, named by what changed and how."""
        del headers
        name = (shape.webhook_event or "unknown").removeprefix("jira:")
        issue, key = shape.issue, body_key(body)
        fields = (issue.fields if issue else None) or Fields()
        project = fields.project or shape.project or Named()
        priority = fields.priority.name if fields.priority else None
        about_issue = issue is not None and name.startswith("issue_") and shape.comment is None
        return NormalisedEvent(
            type=_type(name),
            aliases=_aliases(name, shape.issue_event),
            source="jira",
            subject=_subject(shape, name, key),
            title=headline(
                fields.summary,
                shape.version.name if shape.version else None,
                shape.sprint.name if shape.sprint else None,
                project.name,
            )
            or f"Jira {name}".replace("_", " "),
            dedupe_key=key,
            severity=_SEVERITIES.get((priority or "").lower(), "info"),
            level=priority,
            state=_state(fields, name) if about_issue else None,
            status=fields.status.name if about_issue and fields.status else None,
            project=project.key or project.name or (issue.key.partition("-")[0] if issue and issue.key else None),
            project_id=text_of(project.id),
            link=_link(shape),
            detail=excerpt(shape.comment.body if shape.comment else _changes(shape.changelog)),
            actor=_actor(shape),
            occurred_at=instant(shape.timestamp),
        )


def _type(name: str) -> str:
    """Return `jira.issue.updated` for `issue_updated`, `jira.option_voting.changed` for `option_voting_changed`."""
    thing, _, happened = name.rpartition("_")
    return dotted(f"jira.{thing}.{happened}" if thing else f"jira.{happened}")


def _aliases(name: str, issue_event: str | None) -> tuple[str, ...]:
    if not issue_event or issue_event in _SAYS_NO_MORE or not name.startswith("issue_"):
        return ()
    alias = dotted(f"jira.issue.{issue_event.removeprefix('issue_')}")
    return () if alias == _type(name) else (alias,)


def _subject(shape: Hook, name: str, key: str) -> str:
    if shape.issue is not None:
        return subject_of("jira/issue", shape.issue.id or shape.issue.key, key)
    for kind, thing in (("version", shape.version), ("sprint", shape.sprint), ("project", shape.project)):
        if thing is not None:
            return subject_of(f"jira/{kind}", thing.id, key)
    return subject_of(f"jira/{name}", None, key)


def _state(fields: Fields, name: str) -> State | None:
    if name == "issue_deleted":
        return "deleted"
    if fields.status is None:
        return None
    category = fields.status.category.key if fields.status.category else None
    return _CATEGORIES.get(category or "") or _STATUSES.get((fields.status.name or "").lower())


def _link(shape: Hook) -> str | None:
    """Return the issue's page: the site is what stands before `/rest/` in Jira's own address of the issue."""
    issue = shape.issue
    if issue is None or not issue.key or not issue.self_url or issue.self_url.startswith("https://api.atlassian.com/"):
        return None
    site, found, _ = issue.self_url.partition("/rest/")
    if not found:
        return None
    focus = f"?focusedCommentId={shape.comment.id}" if shape.comment and shape.comment.id else ""
    return web_link(f"{site}/browse/{issue.key}{focus}")


def _changes(changelog: Changelog | None) -> str | None:
    items = (changelog.items if changelog else None) or ()
    return "\n".join(
        f"{item.name}: {item.before or 'none'} → {item.after or 'none'}" for item in items[:10] if item.name
    )


def _actor(shape: Hook) -> str | None:
    who = shape.user or (shape.comment.author if shape.comment else None)
    return headline(who.display_name, who.name) if who else None
