"""The quarantine in MongoDB: sealed, capped per workspace, written in the background.

A flood of forged webhooks must cost little: the same request again is only counted, and what does not fit a small queue
is dropped (and counted in a metric).
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson.binary import Binary
from prometheus_client import Counter
from pymongo import DESCENDING, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from tieline.errors import TransientError
from tieline.ids import derived_id

from tieline_webhooks.adapters.mongo import QUARANTINE, Document, translated
from tieline_webhooks.adapters.sealed import QuarantineSeal, Sealed
from tieline_webhooks.domain.errors import QuarantineEntryNotFoundError
from tieline_webhooks.domain.quarantine import QuarantineEntry, Webhook

MOST_WAITING = 200
MOST_AT_ONCE = 50
RETRY_SECONDS = 1.0

DROPPED = Counter("tieline_quarantine_dropped_total", "Refused webhooks that were not kept.")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Refused:
    webhook: Webhook
    workspace_id: str
    reason: str
    detail: str
    at: datetime


class MongoQuarantine:
    """Keeps refused webhooks. `run` must be running for them to be written."""

    def __init__(
        self, database: "AsyncDatabase[Document]", seal: QuarantineSeal, *, most: int, keep: timedelta
    ) -> None:
        self._entries = database[QUARANTINE]
        self._seal = seal
        self._most = most
        self._keep = keep
        self._waiting: asyncio.Queue[_Refused] = asyncio.Queue(MOST_WAITING)

    def put(self, webhook: Webhook, *, workspace_id: str, reason: str, detail: str, at: datetime) -> None:
        """Keep a refused webhook; never waits, and drops it when too many are waiting."""
        try:
            self._waiting.put_nowait(_Refused(webhook, workspace_id, reason, detail, at))
        except asyncio.QueueFull:
            DROPPED.inc()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < MOST_AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            while True:
                try:
                    await self._write(batch)
                    break
                except TransientError as error:
                    log.warning("the quarantine waits for MongoDB", extra={"reason": str(error)})
                    await asyncio.sleep(RETRY_SECONDS)

    async def list(
        self, workspace_id: str, *, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[QuarantineEntry]:
        """Return entries, newest first, from behind `before` on. Raises DatabaseUnavailableError."""
        query: dict[str, Any] = {"ws": workspace_id}
        if before is not None:
            at, entry_id = before
            query["$or"] = [{"received_at": {"$lt": at}}, {"received_at": at, "_id": {"$lt": entry_id}}]
        async with translated():
            found = self._entries.find(query, {"sealed": False})
            page = found.sort([("received_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [_entry(each) async for each in page]

    async def get(self, workspace_id: str, entry_id: str) -> tuple[QuarantineEntry, Webhook]:
        """Return an entry, opened. Raises QuarantineEntryNotFoundError, SealLostError, DatabaseUnavailableError."""
        async with translated():
            found = await self._entries.find_one({"_id": entry_id, "ws": workspace_id})
        if found is None:
            raise QuarantineEntryNotFoundError(entry_id)
        return _entry(found), self._seal.open(Sealed(found["kid"], bytes(found["sealed"])), workspace_id, entry_id)

    async def remove(self, workspace_id: str, entry_id: str) -> bool:
        """Forget an entry; False if there is none. Raises DatabaseUnavailableError."""
        async with translated():
            gone = await self._entries.delete_one({"_id": entry_id, "ws": workspace_id})
        return gone.deleted_count == 1

    async def _write(self, batch: Sequence[_Refused]) -> None:
        async with translated():
            await self._entries.bulk_write([self._upsert(each) for each in batch], ordered=False)
            for workspace_id in {each.workspace_id for each in batch}:
                surplus = self._entries.find({"ws": workspace_id}, {"_id": True}).sort("received_at", DESCENDING)
                ids = [each["_id"] async for each in surplus.skip(self._most)]
                if ids:
                    await self._entries.delete_many({"_id": {"$in": ids}})

    def _upsert(self, refused: _Refused) -> UpdateOne:
        webhook, workspace_id = refused.webhook, refused.workspace_id
        entry_id = _entry_id(webhook, workspace_id)
        sealed = self._seal.seal(webhook, workspace_id, entry_id)
        return UpdateOne(
            {"_id": entry_id},
            {
                "$setOnInsert": {
                    "ws": workspace_id,
                    "source": webhook.source,
                    "integration_id": webhook.integration_id,
                    "size": len(webhook.body),
                    "received_at": refused.at,
                    "kid": sealed.kid,
                    "sealed": Binary(sealed.data),
                },
                "$set": {
                    "reason": refused.reason,
                    "detail": refused.detail,
                    "last_received_at": refused.at,
                    "expires_at": refused.at + self._keep,
                },
                "$inc": {"times": 1},
            },
            upsert=True,
        )


def _entry_id(webhook: Webhook, workspace_id: str) -> str:
    """Return the same id for the same request: same body, same signatures."""
    proof = "\n".join(f"{name}:{value}" for name, value in sorted(webhook.headers.items()) if "signature" in name)
    body = hashlib.sha256(webhook.body).hexdigest()
    return derived_id("quarantine", workspace_id, webhook.source, webhook.integration_id or "", proof, body)


def _entry(found: Document) -> QuarantineEntry:
    return QuarantineEntry(
        id=found["_id"],
        workspace_id=found["ws"],
        source=found["source"],
        reason=found["reason"],
        detail=found["detail"],
        integration_id=found["integration_id"],
        size=found["size"],
        times=found["times"],
        received_at=found["received_at"],
        last_received_at=found["last_received_at"],
    )
