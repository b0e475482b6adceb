"""Events of the past in MongoDB."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from tieline_webhooks.adapters.documents import event_of, unpacked
from tieline_webhooks.adapters.mongo import EVENTS, Document, translated
from tieline_webhooks.domain.accepted import AcceptedEvent


class MongoEvents:
    """Reads what `MongoRoutedStore` wrote. All methods raise DatabaseUnavailableError."""

    def __init__(self, database: "AsyncDatabase[Document]") -> None:
        self._events = database[EVENTS]

    async def get(self, workspace_id: str, event_id: str) -> AcceptedEvent | None:
        """Return an event, None if it is unknown or no longer kept."""
        async with translated():
            found = await self._events.find_one({"_id": event_id, "ws": workspace_id})
        return None if found is None else _accepted(found)

    async def since(
        self, workspace_id: str, at: datetime, *, with_bodies: bool, limit: int
    ) -> AsyncIterator[AcceptedEvent]:
        """Yield events from an instant on, newest first."""
        fields = None if with_bodies else {"body": False}
        found = self._events.find({"ws": workspace_id, "received_at": {"$gte": at}}, fields)
        async with translated():
            async for each in found.sort("received_at", DESCENDING).limit(limit):
                yield _accepted(each)

    async def page(self, workspace_id: str, *, before: tuple[datetime, str] | None, limit: int) -> list[AcceptedEvent]:
        """Return events, newest first, from behind `before` on, without bodies."""
        query: dict[str, Any] = {"ws": workspace_id}
        if before is not None:
            at, event_id = before
            query["$or"] = [{"received_at": {"$lt": at}}, {"received_at": at, "_id": {"$lt": event_id}}]
        found = self._events.find(query, {"body": False})
        async with translated():
            page = found.sort([("received_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [_accepted(each) async for each in page]


def _accepted(found: Document) -> AcceptedEvent:
    return AcceptedEvent(
        id=found["_id"],
        workspace_id=found["ws"],
        source=found["source"],
        event=event_of(found["event"]),
        body=unpacked(bytes(found["body"])) if "body" in found else b"",
        received_at=found["received_at"],
        content_type=found["content_type"],
        agent_id=found["agent_id"],
        integration_id=found["integration_id"],
    )
