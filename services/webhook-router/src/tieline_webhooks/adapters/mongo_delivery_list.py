"""Deliveries as operators see them: listed, released, replayed."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING, AsyncMongoClient, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from tieline_webhooks.adapters.documents import changing, delivery_of
from tieline_webhooks.adapters.mongo import DELIVERIES, Document, translated
from tieline_webhooks.adapters.mongo_ledger import MongoLedger
from tieline_webhooks.domain.deliveries import Delivery, State
from tieline_webhooks.domain.errors import DeliveryNotFoundError
from tieline_webhooks.domain.ledger import Booking
from tieline_webhooks.domain.selection import Selection
from tieline_webhooks.ports import Place

IN_ONE_TRANSACTION = 200
MOST_LOOKED_AT = 20_000  # documents, for a selection by pattern that fits few of them


class MongoDeliveryList:
    """Reads and changes many deliveries at once. All methods raise DatabaseUnavailableError."""

    def __init__(
        self,
        client: "AsyncMongoClient[Document]",
        database: "AsyncDatabase[Document]",
        ledger: MongoLedger,
        *,
        keep: timedelta,
        stripe: int,
    ) -> None:
        self._keep = keep
        self._client = client
        self._deliveries = database[DELIVERIES]
        self._ledger = ledger
        self._stripe = stripe

    async def get(self, workspace_id: str, delivery_id: str) -> Delivery:
        """Return a delivery. Raises DeliveryNotFoundError."""
        async with translated():
            found = await self._deliveries.find_one({"_id": delivery_id, "ws": workspace_id})
        if found is None:
            raise DeliveryNotFoundError(delivery_id)
        return delivery_of(found)

    async def page(self, workspace_id: str, selection: Selection, before: Place | None) -> list[Delivery]:
        """Return up to `selection.limit` deliveries, newest first, from behind `before` on."""
        found: list[Delivery] = []
        async with translated():
            async for delivery in self._matching(workspace_id, selection, before):
                found.append(delivery)
                if len(found) == selection.limit:
                    break
        return found

    async def change(
        self, workspace_id: str, selection: Selection, change: Callable[[Delivery], Delivery | None]
    ) -> list[Delivery]:
        """Change the selected deliveries, newest first, and book it; return those changed.

        `change` returns None for one to be left alone; one that is being sent is left alone as well. Each is changed as
        it stands when its turn comes.
        """
        return await self._change_all([each.id for each in await self.page(workspace_id, selection, None)], change)

    async def change_untouched(
        self, since: datetime, states: Collection[State], change: Callable[[Delivery], Delivery | None], *, limit: int
    ) -> list[Delivery]:
        """Change deliveries of all workspaces that are in these states and were not touched since; as `change`."""
        query = {"state": {"$in": sorted(state.value for state in states)}, "updated_at": {"$lt": since}}
        async with translated():
            ids = [each["_id"] async for each in self._deliveries.find(query, {"_id": True}).limit(limit)]
        return await self._change_all(ids, change)

    async def _change_all(self, ids: Sequence[str], change: Callable[[Delivery], Delivery | None]) -> list[Delivery]:
        changed: list[Delivery] = []
        for start in range(0, len(ids), IN_ONE_TRANSACTION):
            part = ids[start : start + IN_ONE_TRANSACTION]
            async with translated(), self._client.start_session() as session:
                changed += await session.with_transaction(
                    lambda inside, part=part: self._change(part, change, inside)  # type: ignore[misc]  # bound now
                )
        return changed

    async def _change(
        self, ids: Sequence[str], change: Callable[[Delivery], Delivery | None], session: AsyncClientSession
    ) -> list[Delivery]:
        booking, updates, changed = Booking(), [], []
        async for found in self._deliveries.find({"_id": {"$in": list(ids)}}, session=session):
            before = delivery_of(found)
            being_sent = before.state is State.PENDING and found["sending"] is not None
            after = None if being_sent else change(before)
            if after is None:
                continue
            if after.state is not before.state:
                booking.moved(before.workspace_id, before.state, after.state)
            updates.append(
                UpdateOne(
                    {"_id": before.id},
                    {"$set": {**changing(after), "sending": None, "expires_at": self._expiry(after)}},
                )
            )
            changed.append(after)
        if updates:
            await self._deliveries.bulk_write(updates, ordered=False, session=session)
            await self._ledger.book(booking, self._stripe, session)
        return changed

    def _expiry(self, delivery: Delivery) -> datetime | None:
        return delivery.updated_at + self._keep if delivery.finished else None

    async def _matching(self, workspace_id: str, selection: Selection, before: Place | None) -> AsyncIterator[Delivery]:
        found = self._deliveries.find(_query(workspace_id, selection, before))
        async for document in found.sort([("created_at", DESCENDING), ("_id", DESCENDING)]).limit(MOST_LOOKED_AT):
            delivery = delivery_of(document)
            if selection.patterns is None or selection.patterns.matches(delivery.event.names):
                yield delivery


def _query(workspace_id: str, selection: Selection, before: Place | None) -> dict[str, Any]:
    query: dict[str, Any] = {"ws": workspace_id}
    if selection.ids is not None:
        query["_id"] = {"$in": sorted(selection.ids)}
    if selection.states is not None:
        query["state"] = {"$in": sorted(state.value for state in selection.states)}
    exact = {
        "channel": selection.channel,
        "channel_id": selection.channel_id,
        "route_id": selection.route_id,
        "event_id": selection.event_id,
        "reason": selection.reason,
    }
    query |= {name: value for name, value in exact.items() if value is not None}
    created: dict[str, datetime] = {}
    if selection.since is not None:
        created["$gte"] = selection.since
    if selection.until is not None:
        created["$lt"] = selection.until
    if created:
        query["created_at"] = created
    if before is not None:
        at, delivery_id = before
        query["$or"] = [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": delivery_id}}]
    return query
