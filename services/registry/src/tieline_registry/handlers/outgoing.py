"""The records that follow from a command: events of what it changed, and its reply.

Ids and contents depend on the command and its reply alone, so a redelivered command publishes the same again.
"""

from collections.abc import Iterator
from datetime import datetime

from tieline.contracts.commands import DeleteRoute, Reply
from tieline.contracts.integrations import INTEGRATION_DELETED, INTEGRATION_SAVED, Integration
from tieline.contracts.routes import ROUTE_DELETED, ROUTE_SAVED, ChannelRoute
from tieline.ids import derived_id
from tieline.kafka.records import IncomingRecord, OutgoingRecord, cloudevent_headers
from tieline.topics import GATEWAY_REPLIES, INTEGRATION_EVENTS, ROUTE_EVENTS

from tieline_registry.domain.integrations import event_id
from tieline_registry.handlers.received import Received, reply_partition

SOURCE = "tieline://registry"
REPLY = "registry.reply"
FINGERPRINT = "fingerprint"
_TRACE_HEADERS = ("traceparent", "tracestate")


def events_of(received: Received, reply: Reply) -> Iterator[OutgoingRecord]:
    """Yield the events that follow from an applied command; none from a refused one."""
    command_id, record = received.command.command_id, received.record
    last_state = {integration.id: integration for integration in reply.integrations}
    for integration in last_state.values():
        yield integration_saved(integration, event_id(command_id, integration.id), cause=record)
    if reply.route is not None:
        yield route_saved(reply.route, event_id(command_id, reply.route.id), cause=record)
    if reply.deleted_id is not None:
        yield tombstone(
            ROUTE_EVENTS if isinstance(received.command, DeleteRoute) else INTEGRATION_EVENTS,
            reply.deleted_id,
            workspace_id=received.command.workspace_id,
            at=received.command.issued_at,
            cause=record,
        )


def integration_saved(
    integration: Integration, identity: str, *, cause: IncomingRecord | None = None
) -> OutgoingRecord:
    """Return the event of an integration as it is now."""
    return OutgoingRecord(
        topic=INTEGRATION_EVENTS,
        key=integration.id,
        value=integration.to_json(),
        headers=_headers(
            identity,
            INTEGRATION_SAVED,
            integration.id,
            workspace_id=integration.workspace_id,
            at=integration.updated_at,
            cause=cause,
        ),
    )


def route_saved(route: ChannelRoute, identity: str, *, cause: IncomingRecord | None = None) -> OutgoingRecord:
    """Return the event of a channel route as it is now."""
    return OutgoingRecord(
        topic=ROUTE_EVENTS,
        key=route.id,
        value=route.to_json(),
        headers=_headers(
            identity, ROUTE_SAVED, route.id, workspace_id=route.workspace_id, at=route.updated_at, cause=cause
        ),
    )


def tombstone(
    topic: str, identity: str, *, workspace_id: str, at: datetime, cause: IncomingRecord | None = None
) -> OutgoingRecord:
    """Return the event of a deletion. Ids are never used again, so its id follows from what was deleted."""
    type_ = ROUTE_DELETED if topic == ROUTE_EVENTS else INTEGRATION_DELETED
    return OutgoingRecord(
        topic=topic,
        key=identity,
        value=None,
        headers=_headers(
            derived_id("deleted", identity), type_, identity, workspace_id=workspace_id, at=at, cause=cause
        ),
    )


def reply_to(
    record: IncomingRecord, reply_json: bytes, *, command_id: str, fingerprint: str, at: datetime
) -> OutgoingRecord | None:
    """Return the reply for whoever sent `record`, if it asks for one.

    The fingerprint goes with it: two requests under one idempotency key have the same command id.
    """
    partition = reply_partition(record)
    if partition is None:
        return None
    return OutgoingRecord(
        topic=GATEWAY_REPLIES,
        key=command_id,
        value=reply_json,
        partition=partition,
        headers={
            **cloudevent_headers(
                event_id=derived_id(command_id, "reply", fingerprint),
                event_type=REPLY,
                source=SOURCE,
                time=at,
                correlation_id=record.headers.get("correlation_id", command_id),
                causation_id=command_id,
            ),
            FINGERPRINT: fingerprint,
            **_trace(record),
        },
    )


def _headers(
    identity: str, type_: str, subject: str, *, workspace_id: str, at: datetime, cause: IncomingRecord | None
) -> dict[str, str]:
    known = cause.headers if cause else {}
    headers = cloudevent_headers(
        event_id=identity,
        event_type=type_,
        source=SOURCE,
        time=at,
        subject=subject,
        correlation_id=known.get("correlation_id"),
        causation_id=known.get("ce_id"),
    )
    return {**headers, "workspace_id": workspace_id, **(_trace(cause) if cause else {})}


def _trace(record: IncomingRecord) -> dict[str, str]:
    return {name: record.headers[name] for name in _TRACE_HEADERS if name in record.headers}
