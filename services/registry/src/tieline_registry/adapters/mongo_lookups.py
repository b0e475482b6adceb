"""Looking things up in MongoDB by their ids and other unique values."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from tieline_registry.adapters import collections, documents
from tieline_registry.adapters.mongo import Database, Document, driver_errors
from tieline_registry.domain.applied import AppliedCommand
from tieline_registry.domain.state import StoredIntegration, StoredRoute


class Lookups:
    """Look-ups by indexes. Every call may raise DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def applied(self, command_ids: Collection[str]) -> dict[str, AppliedCommand]:
        """Return those of the commands that have been applied, by id."""
        found = await self.by_any(collections.COMMANDS, {"_id": command_ids})
        return {document["_id"]: documents.applied_command(document) for document in found}

    async def sequences(self, workspace_ids: Collection[str]) -> dict[str, int]:
        """Return the present sequence numbers of workspaces."""
        found = await self.by_any(collections.WORKSPACES, {"_id": workspace_ids}, {"sequence": 1})
        return {document["_id"]: document["sequence"] for document in found}

    async def integrations(self, ids: Collection[str]) -> dict[str, StoredIntegration]:
        """Return integrations as they are now, by id."""
        found = await self.by_any(collections.INTEGRATIONS, {"_id": ids})
        return {document["_id"]: documents.stored_integration(document) for document in found}

    async def routes(self, ids: Collection[str]) -> dict[str, StoredRoute]:
        """Return routes as they are now, by id."""
        found = await self.by_any(collections.ROUTES, {"_id": ids})
        return {document["_id"]: documents.stored_route(document) for document in found}

    async def by_any(
        self,
        collection: str,
        values: Mapping[str, Collection[str]],
        projection: Mapping[str, Any] | None = None,
    ) -> list[Document]:
        """Return the documents in which any of the fields has one of its values; one query per field."""
        found = await asyncio.gather(
            *(
                self.find(collection, {field: {"$in": list(wanted)}}, projection)
                for field, wanted in values.items()
                if wanted
            )
        )
        return list({document["_id"]: document for batch in found for document in batch}.values())

    async def find(
        self, collection: str, query: Document, projection: Mapping[str, Any] | None = None
    ) -> list[Document]:
        """Return all documents that match; `query` must be met by an index and be bounded."""
        with driver_errors():
            return await self._database[collection].find(query, projection).to_list()
