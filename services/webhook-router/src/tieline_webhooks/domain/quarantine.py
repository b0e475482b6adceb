"""Webhooks that were refused, kept sealed so that they can be taken in once their secret is put right."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec


class Webhook(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request as it came. `workspace` and `integration_id` are what it claims; nothing here is believed."""

    source: str
    workspace: str | None
    integration_id: str | None
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Webhook(source={self.source!r}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """A refused webhook, without what is sealed. `times`: the very same request came so often."""

    id: str
    workspace_id: str
    source: str
    reason: str
    detail: str
    integration_id: str | None
    size: int
    times: int
    received_at: datetime
    last_received_at: datetime
