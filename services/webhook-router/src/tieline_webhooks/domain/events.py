"""What every verified webhook and every emitted event is turned into: one shape to match, order, store and show."""

from datetime import datetime
from hashlib import sha256
from typing import Literal

import msgspec

Severity = Literal["critical", "error", "warning", "info", "debug"]
"""How bad, on one scale for all sources. `level` keeps the provider's own word."""

State = Literal["open", "acknowledged", "resolved", "ignored", "deleted"]
"""Where the thing stands, on one scale for all sources. `status` keeps the provider's own word."""


class NormalisedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One event, whoever sent it.

    `type` is dotted; routes may name any of `aliases` instead. `subject` is the thing it is about and stays the same
    while that thing changes, so it orders events and finds the message to edit. `state` is set only by events that
    report a state (a comment on an open issue has none). `occurred_at` is None where the sender does not say;
    `dedupe_key` is drawn from signed bytes only. `repaired_body` replaces the body where that is JSON only by a
    stretch (an unpaired surrogate, NaN), so that what is appended can be read by any consumer.
    """

    type: str
    source: str
    subject: str
    title: str
    dedupe_key: str
    aliases: tuple[str, ...] = ()
    severity: Severity = "info"
    level: str | None = None
    state: State | None = None
    status: str | None = None
    project: str | None = None
    project_id: str | None = None
    link: str | None = None
    detail: str | None = None
    actor: str | None = None
    occurred_at: datetime | None = None
    repaired_body: bytes | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that a route's pattern may match, the type first."""
        return (self.type, *self.aliases)


def event_id(workspace_id: str, source: str, dedupe_key: str) -> str:
    """Return the event's id, 32 hex digits: the same for every delivery of the same event to the same workspace.

    The parts are joined by NUL, which neither a workspace id nor a source can contain.
    """
    return sha256(f"{workspace_id}\0{source}\0{dedupe_key}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
