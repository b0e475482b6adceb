"""Requests signed as each sender's documentation says, written without the code under test."""

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tieline_webhooks.domain.senders import SENDERS

NOW = datetime(2026, 3, 21, 14, 5, tzinfo=UTC)
RAW_KEY = b"a key of twenty-four by."  # 24 bytes: its base64 has no spare bits
SECRET = "8f2c-secret-with-ünïcode"
WHSEC = "whsec_" + b64encode(RAW_KEY).decode()

JSON_BODY = json.dumps(
    {"type": "demo.event", "webhookTimestamp": int(NOW.timestamp() * 1000), "text": "grüße"}
).encode()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What arrives: `signature` is the header that holds the signature."""

    sender: str
    body: bytes
    headers: dict[str, str]
    secret: str
    signature: str

    def verify(self, *secrets: str | bytes, now: datetime = NOW) -> None:
        """Verify it with these secrets, its own if none are given."""
        SENDERS[self.sender].verify(self.body, self.headers, secrets or (self.secret,), now)

    def with_header(self, name: str, value: str | None) -> "Request":
        """Return it with another header, or without it."""
        headers = {key: each for key, each in self.headers.items() if key != name}
        return replace(self, headers=headers if value is None else {**headers, name: value})


def signed(sender: str, body: bytes = JSON_BODY, *, secret: str | None = None, at: datetime = NOW) -> Request:
    """Return the request that `sender` would post."""
    secret = secret or (WHSEC if sender == "standard-webhooks" else SECRET)
    seconds = str(int(at.timestamp()))
    if sender == "standard-webhooks":
        digest = hmac.new(RAW_KEY, f"msg_1.{seconds}.".encode() + body, hashlib.sha256).digest()
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": seconds,
            "webhook-signature": "v1," + b64encode(digest).decode(),
        }
        return Request(sender=sender, body=body, headers=headers, secret=secret, signature="webhook-signature")
    text = b"v0:" + seconds.encode() + b":" + body if sender == "slack" else body
    digits = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    header, value = {
        "sentry": ("sentry-hook-signature", digits),
        "pagerduty": ("x-pagerduty-signature", f"v1={digits}"),
        "github": ("x-hub-signature-256", f"sha256={digits}"),
        "linear": ("linear-signature", digits),
        "jira": ("x-hub-signature", f"sha256={digits}"),
        "slack": ("x-slack-signature", f"v0={digits}"),
    }[sender]
    headers = {header: value}
    if sender == "slack":
        headers["x-slack-request-timestamp"] = seconds
    return Request(sender=sender, body=body, headers=headers, secret=secret, signature=header)


def later(seconds: float) -> datetime:
    """Return an instant `seconds` after NOW."""
    return NOW + timedelta(seconds=seconds)
