"""Tokens over a store in memory, for connectors that get them at a stand-in."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from tieline.clock import Clock
from tieline.contracts.integrations import Integration
from tieline.ids import new_id
from tieline.outgoing import HostClients, OutgoingClient
from tieline_sync.adapters.tokens.endpoint import HttpTokenEndpoint
from tieline_sync.adapters.tokens.vault import Vault
from tieline_sync.domain.providers.tokens import Grant, Token
from tieline_sync.handlers.provider_ports import TokenFailure, TokenSlot
from tieline_sync.handlers.tokens import Tokens


class TokensInMemory:
    """A store of one replica: nobody else has a lease."""

    def __init__(self) -> None:
        self.slots: dict[str, TokenSlot] = {}

    async def find(self, key: str) -> TokenSlot:
        return self.slots.get(key, TokenSlot(key=key))

    async def lease(self, slot: TokenSlot, *, now: datetime, ttl: timedelta) -> TokenSlot | None:
        del now, ttl
        return replace(slot, fence=slot.fence + 1)

    async def save(self, slot: TokenSlot, *, now: datetime) -> bool:
        del now
        self.slots[slot.key] = slot
        return True

    async def fail(self, slot: TokenSlot, failure: TokenFailure) -> None:
        self.slots[slot.key] = replace(slot, failure=failure)

    async def note_saved(self, key: str, generation: int) -> None:
        del generation
        self.slots[key] = replace(self.slots[key], unsaved=False)


class KeptTokens:
    """At the registry's door: the tokens that it was asked to keep."""

    def __init__(self) -> None:
        self.kept: list[Token] = []

    async def keep(self, integration: Integration, grant: Grant, token: Token) -> bool:
        del integration, grant
        self.kept.append(token)
        return True


def tokens_at(http: OutgoingClient, clock: Clock, rotation: KeptTokens | None = None) -> Tokens:
    """Return tokens got through a client that may call stand-ins."""
    return Tokens(
        store=TokensInMemory(),
        endpoint=HttpTokenEndpoint(cast("HostClients", http), clock, timeout=timedelta(seconds=2)),
        rotation=rotation or KeptTokens(),
        naming=Vault("unit-tests-0123456"),
        clock=clock,
        new_id=new_id,
    )
