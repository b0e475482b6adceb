"""Events and deliveries as documents."""

import zlib
from datetime import datetime
from typing import Any

import msgspec
from bson.binary import Binary

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.deliveries import Attempt, Delivery, State
from tieline_webhooks.domain.events import NormalisedEvent

Document = dict[str, Any]

COMPRESS_FROM = 256


def event_document(
    accepted: AcceptedEvent, body: bytes, *, partition: int, offset: int, expires_at: datetime
) -> Document:
    """Return what is kept of an event, its body `packed`: to know it again, and to try routes on."""
    return {
        "_id": accepted.id,
        "ws": accepted.workspace_id,
        "source": accepted.source,
        "type": accepted.event.type,
        "event": summary(accepted.event),
        "agent_id": accepted.agent_id,
        "integration_id": accepted.integration_id,
        "content_type": accepted.content_type,
        "body": Binary(body),
        "received_at": accepted.received_at,
        "partition": partition,
        "offset": offset,
        "expires_at": expires_at,
    }


def packed(body: bytes) -> bytes:
    """Return a body for storage: a byte that says how, then the body."""
    if len(body) < COMPRESS_FROM:
        return b"\x00" + body
    return b"\x01" + zlib.compress(body, 1)


def unpacked(stored: bytes) -> bytes:
    """Return what `packed` was given."""
    return zlib.decompress(stored[1:]) if stored[:1] == b"\x01" else stored[1:]


def summary(event: NormalisedEvent) -> Document:
    """Return an event without its body, as a document."""
    found: Document = msgspec.to_builtins(event, builtin_types=(datetime, bytes))
    found.pop("repaired_body", None)
    return found


def event_of(found: Document) -> NormalisedEvent:
    """Return the event of `summary`."""
    return msgspec.convert(found, NormalisedEvent)


def delivery_document(delivery: Delivery) -> Document:
    """Return a new delivery as a document."""
    return {
        "_id": delivery.id,
        "ws": delivery.workspace_id,
        "event_id": delivery.event_id,
        "event_type": delivery.event.type,
        "event": summary(delivery.event),
        "route_id": delivery.route_id,
        "destination": delivery.destination,
        "channel": delivery.channel,
        "channel_id": delivery.channel_id,
        "position": delivery.position,
        "created_at": delivery.created_at,
        "traceparent": delivery.traceparent,
        "sending": None,
        **changing(delivery),
    }


def changing(delivery: Delivery) -> Document:
    """Return the fields of a delivery that attempts change."""
    return {
        "state": delivery.state.value,
        "reason": delivery.reason,
        "due": delivery.due,
        "updated_at": delivery.updated_at,
        "attempts": delivery.attempts,
        "uncertain": delivery.uncertain,
        "message_id": delivery.message_id,
        "replays": delivery.replays,
        "forced": delivery.forced,
        "since": delivery.since,
        "history": [
            {"at": each.at, "outcome": each.outcome, "detail": each.detail, "ms": each.milliseconds}
            for each in delivery.history
        ],
    }


def delivery_of(found: Document) -> Delivery:
    """Return the delivery of a document."""
    return Delivery(
        id=found["_id"],
        workspace_id=found["ws"],
        event_id=found["event_id"],
        event=event_of(found["event"]),
        route_id=found["route_id"],
        channel=found["channel"],
        channel_id=found["channel_id"],
        position=found["position"],
        state=State(found["state"]),
        reason=found["reason"],
        due=found["due"],
        created_at=found["created_at"],
        updated_at=found["updated_at"],
        attempts=found["attempts"],
        uncertain=found["uncertain"],
        message_id=found["message_id"],
        replays=found["replays"],
        forced=found["forced"],
        since=found.get("since"),
        traceparent=found.get("traceparent"),
        history=tuple(
            Attempt(at=each["at"], outcome=each["outcome"], detail=each["detail"], milliseconds=each["ms"])
            for each in found["history"]
        ),
    )
