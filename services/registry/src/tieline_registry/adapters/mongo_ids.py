"""The ids of integrations and routes in MongoDB, in order, for going through all of them."""

from tieline.registry_client import CompactedTopic

from tieline_registry.adapters import collections
from tieline_registry.adapters.mongo import Database, Document, driver_errors

_COLLECTIONS = {"integrations": collections.INTEGRATIONS, "routes": collections.ROUTES}


class MongoIds:
    """Ids, by the index on them. Every call may raise DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ids(self, of: CompactedTopic, *, after: str | None, limit: int) -> list[str]:
        """Return up to `limit` ids above `after`, in order."""
        query: Document = {} if after is None else {"_id": {"$gt": after}}
        with driver_errors():
            found = await self._database[_COLLECTIONS[of]].find(query, {"_id": 1}).sort("_id", 1).limit(limit).to_list()
        return [document["_id"] for document in found]
