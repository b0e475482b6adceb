"""Sample input: the webhooks that a sender would post, signed as it signs them."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

PROJECT = "checkout-api"
SENTRY_TITLE = "ZeroDivisionError: discount of an empty basket"
SENTRY_LINK = "https://acme.sentry.example/issues/"
PAGERDUTY_TITLE = "Checkout answers slower than 2 s"
PAGERDUTY_SERVICE = "checkout"
PAGERDUTY_LINK = "https://acme.pagerduty.example/incidents/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedWebhook:
    """A body and the headers that prove it. `about` is the id of what it tells of, which its message links to."""

    source: str
    about: str
    body: bytes
    headers: dict[str, str]


def sentry_issue(run: str, secret: str) -> SignedWebhook:
    """Return `issue.created` as a Sentry integration sends it. `run` makes the issue a new one."""
    number = str(int(run, 16) % 10**9)
    body = _compact(
        {
            "action": "created",
            "actor": {"type": "application", "id": "sentry", "name": "Sentry"},
            "installation": {"uuid": "6f1c1d2e-0b57-4a63-9a3f-2f6d8c1b7e55"},
            "data": {
                "issue": {
                    "id": number,
                    "shortId": f"CHECKOUT-API-{number[-3:]}",
                    "title": SENTRY_TITLE,
                    "culprit": "basket.discount in apply",
                    "level": "error",
                    "status": "unresolved",
                    "platform": "python",
                    "project": {"id": "11", "slug": PROJECT, "name": PROJECT, "platform": "python"},
                    "web_url": f"{SENTRY_LINK}{number}/",
                    "permalink": f"{SENTRY_LINK}{number}/",
                    "firstSeen": "2026-03-21T14:00:00.000000Z",
                    "lastSeen": "2026-03-21T14:01:00.000000Z",
                    "count": "3",
                    "userCount": 2,
                }
            },
        }
    )
    return SignedWebhook(
        source="sentry",
        about=number,
        body=body,
        headers={
            "sentry-hook-resource": "issue",
            "sentry-hook-timestamp": str(int(time.time())),
            "sentry-hook-signature": _hex_digest(secret, body),
            "request-id": run,
        },
    )


def pagerduty_incident(run: str, secret: str) -> SignedWebhook:
    """Return `incident.triggered` as a PagerDuty V3 subscription sends it. `run` makes the event a new one."""
    incident = f"Q{run[:12].upper()}"
    body = _compact(
        {
            "event": {
                "id": f"01{run[:24].upper()}",
                "event_type": "incident.triggered",
                "resource_type": "incident",
                "occurred_at": "2026-03-21T14:05:00.000Z",
                "agent": None,
                "client": None,
                "data": {
                    "id": incident,
                    "type": "incident",
                    "self": f"https://api.pagerduty.example/incidents/{incident}",
                    "html_url": f"{PAGERDUTY_LINK}{incident}",
                    "number": 214,
                    "status": "triggered",
                    "incident_key": f"checkout-latency-{run[:8]}",
                    "created_at": "2026-03-21T14:05:00Z",
                    "title": PAGERDUTY_TITLE,
                    "service": {
                        "id": "PCHECKOUT",
                        "type": "service_reference",
                        "summary": PAGERDUTY_SERVICE,
                        "self": "https://api.pagerduty.example/services/PCHECKOUT",
                        "html_url": "https://acme.pagerduty.example/services/PCHECKOUT",
                    },
                    "assignees": [],
                    "teams": [],
                    "priority": None,
                    "urgency": "high",
                    "conference_bridge": None,
                    "resolve_reason": None,
                },
            }
        }
    )
    return SignedWebhook(
        source="pagerduty",
        about=incident,
        body=body,
        headers={"x-webhook-id": run, "x-pagerduty-signature": f"v1={_hex_digest(secret, body)}"},
    )


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _hex_digest(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()
