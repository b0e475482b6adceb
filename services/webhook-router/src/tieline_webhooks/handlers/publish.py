"""Taking in the events that services emit over HTTP, as CloudEvents."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

import msgspec
from tieline.access import Principal
from tieline.clock import Clock
from tieline.contracts.events import agent_id
from tieline.observability import tracing

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.events import NormalisedEvent, Severity, State, event_id
from tieline_webhooks.domain.matching import Matcher
from tieline_webhooks.domain.senders.cloudevents import CloudEvent, normalise
from tieline_webhooks.ports import Log

RESERVED: Final = frozenset({"workspaceid", "agentid", "integrationid", "aliases"})
"""Extension attributes that say who and what for; only Tieline sets them."""

_DESCRIBING: Final = {
    "title": "title",
    "severity": "severity",
    "level": "level",
    "state": "state",
    "status": "status",
    "project": "project",
    "projectid": "project_id",
    "link": "link",
    "detail": "detail",
    "actor": "actor",
}
"""Extension attributes by which a service describes its event, and what they are to us."""
_ALLOWED: Final = {"severity": get_args(Severity), "state": get_args(State)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of one event. `event_id` is Tieline's, unique over all sources; `agent_id`: a route took it."""

    event_id: str
    agent_id: str | None


class PublishEvents:
    """Appends emitted events to the log."""

    def __init__(self, *, matcher: Matcher, log: Log, clock: Clock) -> None:
        self._matcher = matcher
        self._log = log
        self._clock = clock

    async def __call__(
        self, principal: Principal, events: Sequence[CloudEvent], *, traceparent: str | None = None
    ) -> list[Published]:
        """Take events of the principal's workspace in, in order; return when all are durable.

        An event with the id and source of an earlier one is that one again. Raises OverloadedError, SpoolFullError;
        then some may have been taken, and the whole may be sent again.
        """
        now = self._clock()
        trace = tracing.traceparent() or traceparent
        accepted = [self._accepted(principal.workspace_id, each, now, trace) for each in events]
        await self._log.append_all(accepted)
        return [
            Published(event_id=event_id(each.workspace_id, each.source, each.event.dedupe_key), agent_id=each.agent_id)
            for each in accepted
        ]

    def _accepted(
        self, workspace_id: str, emitted: CloudEvent, now: datetime, traceparent: str | None
    ) -> AcceptedEvent:
        event = described(normalise(emitted), emitted)
        body = b64decode(emitted.data_base64) if emitted.data_base64 is not None else emitted.data or b""
        taken = self._matcher.takes(workspace_id, event, body)
        return AcceptedEvent(
            id=emitted.id,
            workspace_id=workspace_id,
            source=emitted.source,
            event=event,
            body=body,
            received_at=now,
            subject=emitted.subject,
            content_type=emitted.datacontenttype or "application/json",
            agent_id=agent_id(workspace_id, event.project) if taken else None,
            extensions=tuple(
                (name, _text(value))
                for name, value in emitted.extensions.items()
                if name not in RESERVED and name not in _DESCRIBING
            ),
            traceparent=traceparent,
        )


def described(event: NormalisedEvent, emitted: CloudEvent) -> NormalisedEvent:
    """Return the event with what its sender says of it outright, which goes before what was read in its data."""
    changes: dict[str, Any] = {}
    for attribute, field in _DESCRIBING.items():
        value = emitted.extensions.get(attribute)
        text = None if value is None else _text(value)
        if text and text in _ALLOWED.get(field, (text,)):
            changes[field] = text
    return msgspec.structs.replace(event, **changes) if changes else event


def _text(value: str | int | bool) -> str:
    """Return an attribute in its string form, as the specification has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
