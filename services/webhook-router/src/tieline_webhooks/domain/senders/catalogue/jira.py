"""Kinds that Jira sends. Others come as `jira.<what>.<what happened>`."""

from typing import Any

from tieline_webhooks.domain.senders.catalogue.kind import EventKind

ISSUE: dict[str, Any] = {
    "id": "10042",
    "key": "SHOP-42",
    "self": "https://acme.atlassian.net/rest/api/2/issue/10042",
    "fields": {
        "summary": "Basket loses its last item",
        "priority": {"id": "2", "name": "High"},
        "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        "project": {"id": "10000", "key": "SHOP", "name": "Shop"},
    },
}
DONE = {**ISSUE, "fields": {**ISSUE["fields"], "status": {"name": "Done", "statusCategory": {"key": "done"}}}}
COMMENT = {"id": "7", "body": "Happens on reload.", "author": {"displayName": "Ada Okafor"}}


def _issue(webhook_event: str, when: str, **members: Any) -> EventKind:
    body = {
        "webhookEvent": webhook_event,
        "timestamp": 1774101900000,
        "user": {"displayName": "Ada Okafor"},
        "issue": ISSUE,
        **members,
    }
    thing, _, happened = webhook_event.removeprefix("jira:").rpartition("_")
    return EventKind(type=f"jira.{thing}.{happened}", when=when, example=body)


KINDS = (
    _issue("jira:issue_created", "an issue was created", issue_event_type_name="issue_created"),
    _issue(
        "jira:issue_updated",
        "an issue changed; what exactly is an alias",
        issue=DONE,
        issue_event_type_name="issue_resolved",
        changelog={"items": [{"field": "status", "fromString": "To Do", "toString": "Done"}]},
    ),
    _issue("jira:issue_deleted", "an issue was deleted"),
    _issue("comment_created", "a comment was written", comment=COMMENT),
    _issue("comment_updated", "a comment was changed", comment=COMMENT),
    _issue("comment_deleted", "a comment was deleted", comment=COMMENT),
    EventKind(
        type="jira.version.released",
        when="a version was released",
        example={
            "webhookEvent": "jira:version_released",
            "timestamp": 1774101900000,
            "version": {"id": "3", "name": "2.0"},
        },
    ),
    EventKind(
        type="jira.sprint.started",
        when="a sprint was started",
        example={"webhookEvent": "sprint_started", "timestamp": 1774101900000, "sprint": {"id": 5, "name": "Sprint 5"}},
    ),
)
