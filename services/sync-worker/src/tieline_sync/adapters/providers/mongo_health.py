"""How calls went, in MongoDB: of each fact the newest that any replica has noted."""

from collections.abc import Mapping
from datetime import timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from tieline_sync.adapters.mongo.database import Database, Document, database_errors
from tieline_sync.domain.providers.health import Health

HEALTH = "provider_health"
KEPT = timedelta(days=90)  # after the last call
INDEXES = [
    IndexModel([("workspace_id", 1)], name="by_workspace"),
    IndexModel([("noted_at", 1)], name="expiry", expireAfterSeconds=int(KEPT.total_seconds())),
]
MOST_SHOWN = 10_000


class MongoHealthStore:
    """Health by integration."""

    def __init__(self, database: Database) -> None:
        self._health = database.collection(HEALTH)

    async def save(self, health: Health) -> None:
        """Store what this replica knows."""
        instants = {
            "last_success_at": health.last_success_at,
            "refused_at": health.refused_at,
            "open_until": health.open_until,
            "noted_at": max(filter(None, (health.last_success_at, health.last_error_at)), default=None),
        }
        newest = {name: instant for name, instant in instants.items() if instant is not None}
        newest_of_all: Document = {"$max": {**newest, "revision": health.revision}}
        place = {"$setOnInsert": {"workspace_id": health.workspace_id}}
        with database_errors():
            try:
                await self._health.update_one({"_id": health.integration_id}, {**newest_of_all, **place}, upsert=True)
            except DuplicateKeyError:  # two replicas noted the first call at once
                await self._health.update_one({"_id": health.integration_id}, newest_of_all)
            if health.last_error_at is not None:
                older = [{"last_error_at": {"$lt": health.last_error_at}}, {"last_error_at": {"$exists": False}}]
                error = {"last_error_at": health.last_error_at, "last_error": health.last_error}
                await self._health.update_one({"_id": health.integration_id, "$or": older}, {"$set": error})

    async def of_workspace(self, workspace_id: str) -> Mapping[str, Health]:
        """Return what is known, by integration id."""
        with database_errors():
            found = await self._health.find({"workspace_id": workspace_id}).to_list(MOST_SHOWN)
        return {document["_id"]: _health(document) for document in found}


def _health(document: Document) -> Health:
    return Health(
        integration_id=document["_id"],
        workspace_id=document["workspace_id"],
        revision=document["revision"],
        last_success_at=document.get("last_success_at"),
        last_error_at=document.get("last_error_at"),
        last_error=document.get("last_error"),
        refused_at=document.get("refused_at"),
        open_until=document.get("open_until"),
    )
