"""Tokens in MongoDB, with a lease per slot.

Every change moves the slot's fence on, and a lease is taken only at the fence that was read: so whoever has waited sees
what the one before it has stored instead of asking again.
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from tieline_sync.adapters.mongo.database import Database, Document, database_errors
from tieline_sync.adapters.tokens.vault import Vault
from tieline_sync.domain.providers.tokens import Token
from tieline_sync.handlers.provider_ports import TokenFailure, TokenSlot

TOKENS = "provider_tokens"
INDEXES = [IndexModel([("purge_at", 1)], name="expiry", expireAfterSeconds=0)]
KEPT = timedelta(days=1)  # after a token has expired; also for slots that never had one
KEPT_ROTATING = timedelta(days=400)  # a refresh token may be nowhere else yet
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class MongoTokenStore:
    """Tokens, shared by all replicas."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._tokens = database.collection(TOKENS)
        self._vault = vault

    async def find(self, key: str) -> TokenSlot:
        """Return a slot; an empty one when nothing is stored."""
        with database_errors():
            document = await self._tokens.find_one({"_id": key})
        return TokenSlot(key=key) if document is None else self._slot(document)

    async def lease(self, slot: TokenSlot, *, now: datetime, ttl: timedelta) -> TokenSlot | None:
        """Take the right to get the slot's next token; None while another has it, or when the slot has changed."""
        leased = {"lease_until": now + ttl, "fence": slot.fence + 1}
        with database_errors():
            if slot.fence == 0:
                fresh = {"_id": slot.key, **leased, "purge_at": now + KEPT}
                try:
                    await self._tokens.insert_one(fresh)
                except DuplicateKeyError:
                    return None
            else:
                free = {"_id": slot.key, "fence": slot.fence, "lease_until": {"$lte": now}}
                taken = await self._tokens.update_one(free, {"$set": leased})
                if not taken.matched_count:
                    return None
        return replace(slot, fence=slot.fence + 1)

    async def save(self, slot: TokenSlot, *, now: datetime) -> bool:
        """Store a leased slot's new token and give the lease back; False when the lease was lost."""
        token = slot.token
        until = now if token is None or token.expires_at is None else token.expires_at
        fields = {
            "sealed": self._sealed(slot),
            "generation": slot.generation,
            "renew_at": token.renew_at if token else None,
            "expires_at": token.expires_at if token else None,
            "origins": list(slot.origins),
            "failure": None,
            "unsaved": slot.unsaved,
            "lease_until": NEVER,
            "purge_at": max(until, now) + (KEPT_ROTATING if token and token.refresh_token else KEPT),
        }
        return await self._update(slot, fields)

    async def fail(self, slot: TokenSlot, failure: TokenFailure) -> None:
        """Store that no token could be got, and give the lease back."""
        await self._update(slot, {"failure": asdict(failure), "lease_until": NEVER})

    async def note_saved(self, key: str, generation: int) -> None:
        """Store that the registry has the token of this generation."""
        with database_errors():
            await self._tokens.update_one({"_id": key, "generation": generation}, {"$set": {"unsaved": False}})

    async def _update(self, slot: TokenSlot, fields: Document) -> bool:
        with database_errors():
            result = await self._tokens.update_one(
                {"_id": slot.key, "fence": slot.fence}, {"$set": fields, "$inc": {"fence": 1}}
            )
        return result.matched_count > 0

    def _sealed(self, slot: TokenSlot) -> bytes | None:
        if slot.token is None:
            return None
        value = orjson.dumps({"value": slot.token.value, "refresh_token": slot.token.refresh_token})
        return self._vault.seal(value, place=f"{slot.key}/{slot.generation}")

    def _slot(self, document: Document) -> TokenSlot:
        generation = document.get("generation", 0)
        failure = document.get("failure")
        return TokenSlot(
            key=document["_id"],
            token=self._token(document, generation),
            generation=generation,
            origins=tuple(document.get("origins", ())),
            failure=TokenFailure(**failure) if failure else None,
            unsaved=document.get("unsaved", False),
            fence=document["fence"],
        )

    def _token(self, document: Document, generation: int) -> Token | None:
        sealed = document.get("sealed")
        opened = self._vault.open(sealed, place=f"{document['_id']}/{generation}") if sealed else None
        if opened is None:
            return None
        values: dict[str, Any] = orjson.loads(opened)
        return Token(
            value=values["value"],
            refresh_token=values["refresh_token"],
            renew_at=document["renew_at"],
            expires_at=document["expires_at"],
            generation=generation,
        )
