"""Kinds that Linear sends. Others come as `linear.<type>.<action>`, both in lower case."""

from typing import Any

from tieline_webhooks.domain.senders.catalogue.kind import EventKind

SITE = "https://linear.app/acme"
TEAM = {"id": "team-eng", "key": "ENG", "name": "Engineering"}


def _kind(resource: str, action: str, when: str, data: dict[str, Any], url: str) -> EventKind:
    body = {
        "type": resource,
        "action": action,
        "createdAt": "2026-03-21T14:05:00Z",
        "data": data,
        "url": url,
        "actor": {"id": "user-1", "name": "Ada Okafor"},
        "webhookTimestamp": 1774101900000,
    }
    return EventKind(type=f"linear.{resource.lower()}.{action}", when=when, example=body)


def _issue(action: str, state: str, kind: str, when: str) -> EventKind:
    data = {
        "id": "0c1d-347",
        "identifier": "ENG-347",
        "title": "Add rate limiting to the public API",
        "priority": 2,
        "priorityLabel": "High",
        "state": {"name": state, "type": kind},
        "team": TEAM,
    }
    return _kind("Issue", action, when, data, f"{SITE}/issue/ENG-347")


def _comment(action: str) -> EventKind:
    data = {
        "id": "c-9",
        "body": "Shall we count per key?",
        "issue": {"id": "0c1d-347", "identifier": "ENG-347", "title": "Add rate limiting to the public API"},
    }
    return _kind("Comment", action, f"{action} of a comment on an issue", data, f"{SITE}/issue/ENG-347#comment-c9")


KINDS = (
    _issue("create", "Todo", "unstarted", "an issue was created"),
    _issue("update", "In Progress", "started", "an issue changed, its state included"),
    _issue("remove", "Done", "completed", "an issue was deleted"),
    _comment("create"),
    _comment("update"),
    _comment("remove"),
    _kind("Project", "update", "a project changed", {"id": "p-1", "name": "Public API"}, f"{SITE}/project/p-1"),
)
