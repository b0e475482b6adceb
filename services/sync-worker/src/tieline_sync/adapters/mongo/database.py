"""The database: its client, its collections, its indexes, its errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pymongo
from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    NetworkTimeout,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
from tieline.errors import DatabaseUnavailableError
from tieline.observability.mongo import command_listeners
from tieline.settings import MongoSettings

Document = dict[str, Any]
Collection = AsyncCollection[Document]

RUNS = "sync_runs"
RAW_PAGES = "sync_raw_pages"
RECORDS = "sync_records"
REVISIONS = "sync_revisions"
DATASETS = "sync_datasets"
VERSIONS = "sync_dataset_versions"
SCHEDULES = "sync_schedules"

_AWAY = (
    ConnectionFailure,
    CursorNotFound,
    ExecutionTimeout,
    NetworkTimeout,
    WaitQueueTimeoutError,
    WTimeoutError,
)

INDEXES: dict[str, list[IndexModel]] = {
    RUNS: [
        IndexModel([("active", 1), ("due_at", 1)], name="due"),
        IndexModel(
            [("integration_id", 1)],
            name="one_active_run",
            unique=True,
            partialFilterExpression={"active": True},
        ),
        IndexModel([("workspace_id", 1), ("integration_id", 1), ("requested_at", -1)], name="history"),
        IndexModel([("attached.run_id", 1)], name="attached", sparse=True),
        IndexModel([("expires_at", 1)], name="expiry", expireAfterSeconds=0),
    ],
    RAW_PAGES: [
        IndexModel([("run_id", 1), ("number", 1)], name="by_run"),
        IndexModel([("expires_at", 1)], name="expiry", expireAfterSeconds=0),
    ],
    RECORDS: [IndexModel([("dataset_id", 1), ("place", 1)], name="by_place")],
    REVISIONS: [IndexModel([("dataset_id", 1)], name="by_dataset")],
    VERSIONS: [IndexModel([("dataset_id", 1), ("version", -1)], name="by_version")],
    SCHEDULES: [IndexModel([("paused", 1), ("due_at", 1)], name="due")],
}


class Database:
    """One client of one database. Created without connecting; it connects, and connects again, by itself."""

    def __init__(self, settings: MongoSettings) -> None:
        milliseconds = int(settings.timeout.total_seconds() * 1000)
        self.client: AsyncMongoClient[Document] = AsyncMongoClient(
            settings.url.get_secret_value(),
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            # Longer than one operation may take at the server, so that a late answer is not mistaken for none.
            socketTimeoutMS=milliseconds * 4,
            maxPoolSize=settings.max_pool_size,
            tz_aware=True,
            tzinfo=UTC,
            appname="tieline-sync-worker",
            event_listeners=command_listeners(),
        )
        self._database: AsyncDatabase[Document] = self.client[settings.database]
        self._timeout = settings.timeout.total_seconds()

    def collection(self, name: str) -> Collection:
        """Return a collection."""
        return self._database[name]

    async def check(self) -> str | None:
        """Return None when the database answers, else what is missing."""
        try:
            with pymongo.timeout(min(self._timeout, 2.0)):
                await self.client.admin.command("ping")
        except PyMongoError as error:
            return f"MongoDB does not answer: {type(error).__name__}"
        return None

    async def apply_indexes(self, wanted: Mapping[str, list[IndexModel]] = INDEXES) -> None:
        """Create the indexes of collections that are missing; safe to repeat. Raises DatabaseUnavailableError."""
        with database_errors():
            for name, indexes in wanted.items():
                await self.collection(name).create_indexes(indexes)

    async def close(self) -> None:
        """Disconnect."""
        await self.client.close()


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn the driver's errors that mean "away" into DatabaseUnavailableError."""
    try:
        yield
    except _AWAY as error:
        raise DatabaseUnavailableError(f"MongoDB: {type(error).__name__}") from error
