"""Events and their new deliveries in MongoDB, with their booking: a batch is one transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pymongo import AsyncMongoClient, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError
from tieline.errors import DatabaseUnavailableError

from tieline_webhooks.adapters.documents import delivery_document, event_document, packed
from tieline_webhooks.adapters.mongo import DELIVERIES, EVENTS, Document, translated
from tieline_webhooks.adapters.mongo_ledger import MongoLedger
from tieline_webhooks.domain.deliveries import Delivery
from tieline_webhooks.domain.ledger import DUPLICATE, NO_ROUTE, Booking
from tieline_webhooks.domain.routing import RoutedRecord
from tieline_webhooks.ports import Recorded

Place = tuple[int, int]
"""Partition and offset."""

BREATH = 16  # events between turns for others

_DUPLICATE_KEY = 11000


class MongoRoutedStore:
    """Stores what is new of a batch. An event is known by its id for as long as it is kept."""

    def __init__(
        self,
        client: "AsyncMongoClient[Document]",
        database: "AsyncDatabase[Document]",
        ledger: MongoLedger,
        *,
        keep_events: timedelta,
        stripe: int,
    ) -> None:
        self._client = client
        self._events = database[EVENTS]
        self._deliveries = database[DELIVERIES]
        self._ledger = ledger
        self._keep_events = keep_events
        self._stripe = stripe

    async def record(self, routed: Sequence[RoutedRecord]) -> Recorded:
        """Store what is new and book it, all or nothing. See `RoutedStore`."""
        bodies: dict[str, bytes] = {}
        for number, each in enumerate(routed):
            if number % BREATH == 0:
                await asyncio.sleep(0)  # a batch is some 10 ms of work, and webhooks are waiting for their answers
            bodies.setdefault(each.accepted.id, packed(each.accepted.body))
        try:
            return await self._transaction(routed, bodies, thorough=False)
        except BulkWriteError as error:
            _require_duplicates_only(error)
        try:
            return await self._transaction(routed, bodies, thorough=True)
        except BulkWriteError as error:
            _require_duplicates_only(error)
            raise DatabaseUnavailableError("another consumer is storing the same events") from error

    async def _transaction(
        self, routed: Sequence[RoutedRecord], bodies: Mapping[str, bytes], *, thorough: bool
    ) -> Recorded:
        async with translated(), self._client.start_session() as session:
            return await session.with_transaction(
                lambda inside: self._record(routed, bodies, inside, thorough=thorough)
            )

    async def _record(
        self,
        routed: Sequence[RoutedRecord],
        bodies: Mapping[str, bytes],
        session: AsyncClientSession,
        *,
        thorough: bool,
    ) -> Recorded:
        seen = await self._seen(routed, session)
        if thorough:
            seen = await self._outlived(routed, session) | seen
        booking, batch = Booking(), _Batch(seen, bodies)
        for each in routed:
            batch.take(each, booking, each.accepted.received_at + self._keep_events)
        if batch.events:
            await self._events.insert_many(batch.events, ordered=False, session=session)
        if batch.repeated:
            moves = [
                UpdateOne({"_id": event_id}, {"$set": {"partition": partition, "offset": offset}})
                for event_id, (partition, offset) in batch.repeated.items()
            ]
            await self._events.bulk_write(moves, ordered=False, session=session)
        if batch.deliveries:
            documents = [delivery_document(each) for each in batch.deliveries]
            await self._deliveries.insert_many(documents, ordered=False, session=session)
        await self._ledger.book(booking, self._stripe, session)
        return Recorded(batch.deliveries, frozenset(batch.duplicates))

    async def _seen(self, routed: Sequence[RoutedRecord], session: AsyncClientSession) -> dict[str, Place]:
        ids = list({each.accepted.id for each in routed})
        places = {"partition": True, "offset": True}
        found = self._events.find({"_id": {"$in": ids}}, places, session=session)
        return {each["_id"]: (each["partition"], each["offset"]) async for each in found}

    async def _outlived(self, routed: Sequence[RoutedRecord], session: AsyncClientSession) -> dict[str, Place]:
        """Return events that are forgotten while a delivery of theirs is still kept: parked ones wait for long."""
        ids = [delivery.id for each in routed for delivery in each.deliveries]
        found = self._deliveries.find({"_id": {"$in": ids}}, {"event_id": True}, session=session)
        return {each["event_id"]: (-1, -1) async for each in found}


def _require_duplicates_only(error: BulkWriteError) -> None:
    if any(each.get("code") != _DUPLICATE_KEY for each in error.details.get("writeErrors", [])):
        raise error


class _Batch:
    """What a batch comes to, given where its events were last seen."""

    def __init__(self, seen: dict[str, Place], bodies: Mapping[str, bytes]) -> None:
        self._seen = seen
        self._bodies = bodies
        self.events: list[dict[str, Any]] = []
        self.deliveries: list[Delivery] = []
        self.repeated: dict[str, Place] = {}
        self.duplicates: set[Place] = set()
        self._new: dict[str, dict[str, Any]] = {}

    def take(self, routed: RoutedRecord, booking: Booking, expires_at: Any) -> None:
        """Sort one record: new, another arrival of an event, or this very record again."""
        accepted, place = routed.accepted, (routed.partition, routed.offset)
        last = self._seen.get(accepted.id)
        self._seen[accepted.id] = place if last is None else max(last, place) if last[0] == place[0] else place
        if last is None:
            body = self._bodies[accepted.id]
            document = event_document(accepted, body, partition=place[0], offset=place[1], expires_at=expires_at)
            self.events.append(document)
            self._new[accepted.id] = document
            self.deliveries.extend(routed.deliveries)
            booking.received(accepted.workspace_id, (each.state for each in routed.deliveries))
            if not routed.deliveries:
                booking.suppressed(accepted.workspace_id, NO_ROUTE)
        elif last[0] != place[0] or last[1] < place[1]:
            booking.suppressed(accepted.workspace_id, DUPLICATE)
            self.duplicates.add(place)
            new = self._new.get(accepted.id)
            if new is None:
                self.repeated[accepted.id] = place
            else:
                new["partition"], new["offset"] = place
