"""Deliveries between attempts, in MongoDB.

`begin` and `settle` are called for one delivery and carried out for many at once. A delivery that is being sent carries
the token of the lease under which that was begun, so whoever lost the lease changes nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ASCENDING, AsyncMongoClient, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from tieline_webhooks.adapters.coalesced import Coalesced
from tieline_webhooks.adapters.documents import changing, delivery_document, delivery_of
from tieline_webhooks.adapters.mongo import DELIVERIES, Document, translated
from tieline_webhooks.adapters.mongo_ledger import MongoLedger
from tieline_webhooks.domain.deliveries import Delivery, State
from tieline_webhooks.domain.lanes import Lease
from tieline_webhooks.domain.ledger import Booking
from tieline_webhooks.ports import Due

MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _Begin:
    due: Due
    lease: Lease
    now: datetime


@dataclass(frozen=True, slots=True)
class _Settle:
    before: Delivery
    after: Delivery
    lease: Lease
    fallback: Delivery | None


def _beginning(begin: _Begin) -> tuple[Document, Document]:
    """Return what a delivery has to be to be begun, and what it becomes."""
    delivery = begin.due.delivery
    was = {"_id": delivery.id, "state": State.PENDING.value, "sending.token": begin.due.begun_by}
    sending = {"token": begin.lease.token, "at": begin.now}
    return was, {"$set": {"sending": sending, "uncertain": delivery.uncertain}}


class MongoDeliveries:
    """Finds what is due, and records what becomes of it."""

    def __init__(
        self,
        client: "AsyncMongoClient[Document]",
        database: "AsyncDatabase[Document]",
        ledger: MongoLedger,
        *,
        keep: timedelta,
        stripe: int,
    ) -> None:
        self._client = client
        self._deliveries = database[DELIVERIES]
        self._ledger = ledger
        self._keep = keep
        self._stripe = stripe
        self._begin = Coalesced(self._begin_all, most=MOST_AT_ONCE)
        self._settle = Coalesced(self._settle_all, most=MOST_AT_ONCE)

    async def due(self, destination: str, *, now: datetime, limit: int) -> list[Due]:
        """Return up to `limit` deliveries due at a destination: those due longest, the oldest event first."""
        async with translated():
            found = (
                self._deliveries.find({"state": State.PENDING.value, "destination": destination, "due": {"$lte": now}})
                .sort([("due", ASCENDING), ("position", ASCENDING)])
                .limit(limit)
            )
            dues = [Due(delivery_of(each), (each["sending"] or {}).get("token")) async for each in found]
        # One that was told to wait goes before what came after it, so that events arrive in order where they can.
        return sorted(dues, key=lambda due: (due.delivery.created_at, due.delivery.position))

    async def begin(self, due: Due, lease: Lease, *, now: datetime) -> bool:
        """Record that a delivery is about to be sent; False if somebody else took it or changed it meanwhile."""
        begin = _Begin(due, lease, now)
        return await (self._begin(begin) if due.begun_by is None else self._begin_again(begin))

    async def settle(
        self, before: Delivery, after: Delivery, lease: Lease, *, fallback: Delivery | None = None
    ) -> bool:
        """Record what became of a delivery and book it, as one; False if the lease was lost and nothing changed.

        `fallback` is a delivery that takes over; if there is one of its id already, that one does.
        """
        return await self._settle(_Settle(before, after, lease, fallback))

    async def _begin_all(self, items: Sequence[_Begin]) -> list[bool]:
        async with translated():
            await self._deliveries.bulk_write([UpdateOne(*_beginning(each)) for each in items], ordered=False)
            tokens = await self._tokens([each.due.delivery.id for each in items], None)
        return [tokens.get(each.due.delivery.id) == each.lease.token for each in items]

    async def _begin_again(self, item: _Begin) -> bool:
        """Begin what a process began that may have died over it, whose transaction may hold it locked for a minute.

        Outside a transaction the database would wait for that, with one of its threads; in one it refuses at once.
        """
        async with translated(), self._client.start_session() as session, await session.start_transaction():
            await self._deliveries.update_one(*_beginning(item), session=session)
            tokens = await self._tokens([item.due.delivery.id], session)
        return tokens.get(item.due.delivery.id) == item.lease.token

    async def _settle_all(self, items: Sequence[_Settle]) -> list[bool]:
        async with translated(), self._client.start_session() as session:
            return await session.with_transaction(lambda inside: self._settle_in(items, inside))

    async def _settle_in(self, items: Sequence[_Settle], session: AsyncClientSession) -> list[bool]:
        tokens = await self._tokens([each.before.id for each in items], session)
        ours = [tokens.get(each.before.id) == each.lease.token for each in items]
        booking = Booking()
        updates = []
        for each, is_ours in zip(items, ours, strict=True):
            if not is_ours:
                continue
            if each.after.state is not each.before.state:
                booking.moved(each.before.workspace_id, each.before.state, each.after.state, each.after.reason)
            updates.append(
                UpdateOne(
                    {"_id": each.before.id},
                    {"$set": {**changing(each.after), "sending": None, "expires_at": self._expiry(each.after)}},
                )
            )
        fallbacks = [each.fallback for each, is_ours in zip(items, ours, strict=True) if is_ours and each.fallback]
        if fallbacks:
            await self._add_fallbacks(fallbacks, booking, session)
        if updates:
            await self._deliveries.bulk_write(updates, ordered=False, session=session)
            await self._ledger.book(booking, self._stripe, session)
        return ours

    async def _add_fallbacks(
        self, fallbacks: Sequence[Delivery], booking: Booking, session: AsyncClientSession
    ) -> None:
        """Insert the deliveries that are not there yet; the event may have gone to that route by itself."""
        by_id = {each.id: each for each in fallbacks}
        found = self._deliveries.find({"_id": {"$in": list(by_id)}}, {"_id": True}, session=session)
        async for there in found:
            del by_id[there["_id"]]
        if by_id:
            await self._deliveries.insert_many([delivery_document(each) for each in by_id.values()], session=session)
        for each in by_id.values():
            booking.received(each.workspace_id, [each.state])

    async def _tokens(self, ids: Sequence[str], session: AsyncClientSession | None) -> dict[str, str | None]:
        found = self._deliveries.find(
            {"_id": {"$in": list(ids)}, "state": State.PENDING.value}, {"sending": True}, session=session
        )
        return {each["_id"]: (each["sending"] or {}).get("token") async for each in found}

    def _expiry(self, delivery: Delivery) -> datetime | None:
        return delivery.updated_at + self._keep if delivery.finished else None
