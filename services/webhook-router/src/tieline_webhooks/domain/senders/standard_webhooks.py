"""Standard Webhooks 1.0, signature `v1`: any service that follows that specification.

Identifier, time and body are signed together, so the identifier is a safe deduplication key. Secrets are what follows
`whsec_`, base64; signatures of other versions (`v1a`, public key) in the same header are skipped.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders.base import Expectations, Headers, JsonSender
from tieline_webhooks.domain.senders.errors import (
    MalformedSignatureError,
    MissingSignatureError,
    UnusableSecretError,
)
from tieline_webhooks.domain.senders.free_form import Facts
from tieline_webhooks.domain.senders.reading import MAX_TYPE, Reader, Shape, Time, body_key, instant, text_of
from tieline_webhooks.domain.senders.signing import (
    MAX_SIGNATURES,
    Secret,
    check_age,
    check_base64,
    keys_of,
    require_seconds,
)

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
FORM = "v1,<base64 of 32 bytes>, more of them after spaces"
SECRET_PREFIX = b"whsec_"
TOLERANCE = timedelta(minutes=5)  # as the official libraries
MAX_ID = 256

_is_signature = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII).fullmatch
is_event_type = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII).fullmatch


class Hook(Shape):
    """The body that the specification recommends. `data` is whatever the sender puts there."""

    type: Any = None
    timestamp: Time = None
    data: Any = None


class StandardWebhooksSender(JsonSender[Hook]):
    """Anybody who follows Standard Webhooks."""

    name: ClassVar[str] = "standard-webhooks"
    title: ClassVar[str] = "Standard Webhooks"
    provider: ClassVar[str] = "webhook"
    reader = Reader(Hook)
    expects: ClassVar[Expectations] = {
        "sender": "any service that follows Standard Webhooks 1.0",
        "content_type": "application/json",
        "signature": {
            "headers": ["webhook-signature", "webhook-id", "webhook-timestamp"],
            "form": FORM,
            "algorithm": "HMAC-SHA256",
            "encoding": "base64",
            "signed": "{webhook-id}.{webhook-timestamp}.{raw request body}",
            "key": "the bytes that follow whsec_ in the secret, base64-decoded",
        },
        "freshness": "webhook-timestamp, seconds, at most 5 minutes from now",
        "deduplication": "webhook-id, which is signed",
        "configure": [
            "Register this address with the sending service and copy the secret that it shows (whsec_…).",
            "Store it here as webhookSecret of the webhook integration.",
            "Give bodies a dotted type, such as invoice.paid: routes match on it.",
        ],
    }

    def verify(self, body: bytes, headers: Headers, secrets: Sequence[Secret], now: datetime) -> None:
        """Return if a secret signed this id, time and body in the last five minutes; raise a SignatureError."""
        keys = _decoded(keys_of(secrets))
        identifier = headers.get(ID)
        if not identifier:
            raise MissingSignatureError(ID)
        if len(identifier) > MAX_ID or not identifier.isascii() or not identifier.isprintable():
            raise MalformedSignatureError(ID, f"at most {MAX_ID} printable ASCII characters")
        sent = require_seconds(TIMESTAMP, headers.get(TIMESTAMP))
        signatures = _signatures(headers.get(SIGNATURE))
        check_base64(b"%b.%b.%b" % (identifier.encode(), sent.encode(), body), signatures, keys)
        check_age(int(sent), now, TOLERANCE)

    def event(self, shape: Hook, body: bytes, headers: Headers) -> NormalisedEvent:
        """Return the event under the type that the body names, if that can be matched by routes."""
        facts = Facts(shape.data)
        named = isinstance(shape.type, str) and len(shape.type) <= MAX_TYPE and is_event_type(shape.type) is not None
        kind = shape.type if named else "standard-webhooks.unknown"
        key = headers.get(ID) or body_key(body)
        about = text_of(shape.data.get("id")) if isinstance(shape.data, dict) else None
        return NormalisedEvent(
            type=kind,
            source="standard-webhooks",
            subject=f"standard-webhooks/{kind.partition('.')[0]}/{about}"
            if about
            else f"standard-webhooks/webhook/{key}",
            title=facts.title or (kind.replace(".", " ").replace("_", " ") if named else "Webhook of an unknown kind"),
            dedupe_key=key,
            severity=facts.severity,
            level=facts.level,
            state=facts.state,
            status=facts.status,
            project=facts.project,
            project_id=facts.project_id,
            link=facts.link,
            detail=facts.detail,
            actor=facts.actor,
            occurred_at=instant(shape.timestamp),
        )


def _decoded(secrets: Sequence[bytes]) -> list[bytes]:
    """Return the keys in `whsec_` secrets; the prefix may be missing. Raises UnusableSecretError."""
    keys = []
    for secret in secrets:
        try:
            keys.append(b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
        except (NotBase64, ValueError):
            continue
    usable = [key for key in keys if key]
    if not usable:
        raise UnusableSecretError("whsec_ followed by base64")
    return usable


def _signatures(value: str | None) -> list[str]:
    if not value:
        raise MissingSignatureError(SIGNATURE)
    given = [part[3:] for part in value.split(" ")[:MAX_SIGNATURES] if part.startswith("v1,")]
    found = [each for each in given if _is_signature(each)]
    if not found:
        raise MalformedSignatureError(SIGNATURE, FORM)
    return found
