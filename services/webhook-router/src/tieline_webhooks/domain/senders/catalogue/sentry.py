"""Kinds that Sentry sends."""

from typing import Any

from tieline_webhooks.domain.senders.catalogue.kind import EventKind

SITE = "https://sentry.io/organizations/acme"
PERSON = {"type": "user", "id": 7, "name": "Ada Okafor"}


def _issue(action: str, status: str, when: str) -> EventKind:
    issue = {
        "id": "4812345",
        "title": "TypeError: cart is undefined",
        "culprit": "checkout/total.ts in sumOf",
        "level": "error",
        "status": status,
        "web_url": f"{SITE}/issues/4812345/",
        "project": {"id": "17", "slug": "api-gateway", "name": "API gateway"},
        "firstSeen": "2026-03-21T14:05:00Z",
    }
    return EventKind(
        type=f"sentry.issue.{action}", when=when, example={"action": action, "data": {"issue": issue}, "actor": PERSON}
    )


def _occurrence(resource: str, action: str, member: str, when: str, **more: Any) -> EventKind:
    event = {
        "event_id": "5f0c9a1e",
        "issue_id": "4812345",
        "title": "TypeError: cart is undefined",
        "culprit": "checkout/total.ts in sumOf",
        "level": "error",
        "project": 17,
        "url": "https://sentry.io/api/0/projects/acme/api-gateway/events/5f0c9a1e/",
        "web_url": f"{SITE}/issues/4812345/events/5f0c9a1e/",
        "datetime": "2026-03-21T14:05:00Z",
    }
    return EventKind(
        type=f"sentry.{resource}.{action}", when=when, example={"action": action, "data": {member: event, **more}}
    )


def _metric_alert(action: str, when: str) -> EventKind:
    data = {
        "metric_alert": {
            "id": "42",
            "title": "Checkout latency",
            "alert_rule": {"id": "9", "name": "Checkout latency"},
            "projects": ["api-gateway"],
            "date_started": "2026-03-21T14:00:00Z",
        },
        "description_title": f"{action.capitalize()}: Checkout latency",
        "description_text": "p95 above 2 s in the last 5 minutes",
        "web_url": f"{SITE}/alerts/42/",
    }
    return EventKind(type=f"sentry.metric_alert.{action}", when=when, example={"action": action, "data": data})


def _comment(action: str) -> EventKind:
    data = {
        "comment": "Caused by the new cart.",
        "comment_id": 3,
        "issue_id": 4812345,
        "project_slug": "api-gateway",
        "timestamp": "2026-03-21T14:20:00Z",
    }
    return EventKind(
        type=f"sentry.comment.{action}",
        when=f"a comment on an issue was {action}",
        example={"action": action, "data": data, "actor": PERSON},
    )


def _installation(action: str, when: str) -> EventKind:
    installation = {"uuid": "0b7c-acme", "app": {"slug": "tieline"}, "organization": {"slug": "acme"}}
    return EventKind(
        type=f"sentry.installation.{action}",
        when=when,
        example={"action": action, "data": {"installation": installation}, "actor": PERSON},
    )


KINDS = (
    _issue("created", "unresolved", "an issue was seen for the first time"),
    _issue("resolved", "resolved", "an issue was resolved"),
    _issue("unresolved", "unresolved", "a resolved issue came back, or was reopened"),
    _issue("assigned", "unresolved", "an issue got another assignee"),
    _issue("archived", "ignored", "an issue was archived"),
    _issue("ignored", "ignored", "an issue was ignored (the older name of archived)"),
    _occurrence("event_alert", "triggered", "event", "an issue alert fired", triggered_rule="Checkout errors"),
    _metric_alert("critical", "a metric alert passed its critical threshold"),
    _metric_alert("warning", "a metric alert passed its warning threshold"),
    _metric_alert("resolved", "a metric alert went back to normal"),
    _occurrence("error", "created", "error", "an error event came in (Business plan)"),
    _comment("created"),
    _comment("updated"),
    _comment("deleted"),
    _installation("created", "the integration was installed in an organisation"),
    _installation("deleted", "the integration was removed from an organisation"),
    EventKind(
        type="sentry.activity_alert.triggered",
        when="an alert on an issue's activity fired (limited availability)",
        example={
            "action": "triggered",
            "data": {
                "issue": {
                    "id": "4812345",
                    "title": "TypeError: cart is undefined",
                    "level": "error",
                    "web_url": f"{SITE}/issues/4812345/",
                    "project": {"id": "17", "slug": "api-gateway"},
                },
                "activity": {"type": "set_regression"},
            },
        },
    ),
)
