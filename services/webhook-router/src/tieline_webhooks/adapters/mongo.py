"""The router's collections in MongoDB: connection, indexes, and its errors in our words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any

from bson.codec_options import CodecOptions
from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DocumentTooLarge, PyMongoError
from tieline.errors import DatabaseUnavailableError, PermanentError
from tieline.observability.mongo import command_listeners
from tieline.settings import MongoSettings

Document = dict[str, Any]
Collection = AsyncCollection[Document]

EVENTS = "webhook_events"
DELIVERIES = "deliveries"
LEDGER = "delivery_ledger"
LANES = "delivery_lanes"
MESSAGES = "channel_messages"
QUARANTINE = "webhook_quarantine"


class DocumentRefusedError(PermanentError):
    """MongoDB can't hold a document, however often it is tried."""


INDEXES: dict[str, list[IndexModel]] = {
    EVENTS: [
        IndexModel([("ws", ASCENDING), ("received_at", DESCENDING)]),
        IndexModel("expires_at", expireAfterSeconds=0),
    ],
    DELIVERIES: [
        # What is due at one destination, in order; and, with destinations left out, which others have something due.
        IndexModel([("state", ASCENDING), ("destination", ASCENDING), ("due", ASCENDING)]),
        IndexModel([("ws", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("ws", ASCENDING), ("state", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel("expires_at", expireAfterSeconds=0),
    ],
    LEDGER: [IndexModel("ws")],
    LANES: [IndexModel("owner")],
    MESSAGES: [IndexModel("expires_at", expireAfterSeconds=0)],
    QUARANTINE: [
        IndexModel([("ws", ASCENDING), ("received_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel("expires_at", expireAfterSeconds=0),
    ],
}


def build_client(settings: MongoSettings, *, app_name: str) -> "AsyncMongoClient[Document]":
    """Return a client; it connects when it is first used. Every operation is bounded by the time-out."""
    milliseconds = int(settings.timeout.total_seconds() * 1000)
    return AsyncMongoClient(
        settings.url.get_secret_value(),
        appname=app_name,
        timeoutMS=milliseconds,
        serverSelectionTimeoutMS=milliseconds,
        maxPoolSize=settings.max_pool_size,
        w="majority",
        tz_aware=True,
        event_listeners=command_listeners(),
    )


def database_of(client: "AsyncMongoClient[Document]", settings: MongoSettings) -> "AsyncDatabase[Document]":
    """Return the database; instants come back aware."""
    return client.get_database(settings.database, codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))


async def apply_indexes(database: "AsyncDatabase[Document]") -> None:
    """Create the indexes that are missing. Raises DatabaseUnavailableError."""
    async with translated():
        for name, indexes in INDEXES.items():
            await database[name].create_indexes(indexes)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn the driver's errors into ours; duplicate keys of a bulk write are left to who made it.

    Whatever MongoDB says is taken as passing unless it can't pass: a wrong password is mended by an operator while the
    events wait; only a document that MongoDB can't hold is refused for good.
    """
    try:
        yield
    except (DocumentTooLarge, BSONError) as error:
        raise DocumentRefusedError(f"MongoDB can't hold a document: {type(error).__name__}") from error
    except BulkWriteError:
        raise
    except PyMongoError as error:
        raise DatabaseUnavailableError(f"MongoDB: {type(error).__name__}") from error


async def missing(client: "AsyncMongoClient[Document]") -> str | None:
    """Return None when MongoDB answers, else what is missing (a check for `Health`)."""
    try:
        await client.admin.command("ping")
    except PyMongoError as error:
        return f"MongoDB does not answer: {type(error).__name__}"
    return None
