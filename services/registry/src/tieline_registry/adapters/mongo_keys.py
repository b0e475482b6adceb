"""Data keys of workspaces in MongoDB, for their rotation."""

from collections.abc import Sequence

from pymongo import UpdateOne

from tieline_registry.adapters import collections, documents
from tieline_registry.adapters.mongo import Database, Document, driver_errors
from tieline_registry.domain.state import WrappedKey


class MongoKeys:
    """Wrapped data keys, in their workspaces' documents. Every call may raise DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._workspaces = database[collections.WORKSPACES]

    async def keys_not_under(self, master_kid: str, *, after: str | None, limit: int) -> dict[str, WrappedKey]:
        """Return up to `limit` data keys that another master key wraps, by workspace id in order, above `after`."""
        query: Document = {"data_key.master_kid": {"$ne": master_kid}}
        if after is not None:
            query["_id"] = {"$gt": after}
        with driver_errors():
            found = await self._workspaces.find(query, {"data_key": 1}).sort([("_id", 1)]).limit(limit).to_list()
        return {document["_id"]: documents.data_key_of(document) for document in found}

    async def replace_keys(self, keys: Sequence[tuple[str, WrappedKey, WrappedKey]]) -> None:
        """Replace wrapped keys (workspace id, old, new), each only if it is still the old one."""
        if not keys:
            return
        writes = [
            UpdateOne(
                {"_id": workspace_id, "data_key.data": old.wrapped.data},
                {"$set": {"data_key": documents.data_key_document(new)}},
            )
            for workspace_id, old, new in keys
        ]
        with driver_errors():
            await self._workspaces.bulk_write(writes, ordered=False)

    async def count_keys_not_under(self, master_kid: str) -> int:
        """Return how many data keys another master key wraps."""
        with driver_errors():
            return await self._workspaces.count_documents({"data_key.master_kid": {"$ne": master_kid}})
