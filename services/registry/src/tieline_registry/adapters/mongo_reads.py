"""Reading the registry's state from MongoDB."""

from typing import Final

from tieline.contracts.commands import ApiKey, Workspace
from tieline.registry_client import AuditPage, Credentials, RoutePage

from tieline_registry.adapters import collections, documents
from tieline_registry.adapters.mongo import Database, Document, driver_errors
from tieline_registry.adapters.mongo_lookups import Lookups
from tieline_registry.adapters.vault import Vault
from tieline_registry.domain.directory import Entry
from tieline_registry.domain.keys import KnownKey
from tieline_registry.domain.state import StoredIntegration
from tieline_registry.handlers.ports import Standing

STRETCH: Final = 4  # times a page: the numbers looked at first, and how much longer each stretch gets


class MongoReads(Lookups):
    """Reads by indexes only. A thing is looked up by its own id, then checked to be the workspace's."""

    def __init__(self, database: Database, vault: Vault) -> None:
        super().__init__(database)
        self._vault = vault

    async def find_key(self, key_hash: str) -> KnownKey | None:
        """Return the API key with this hash, expired and revoked ones too."""
        found = await self._one(collections.API_KEYS, {"hash": key_hash})
        return KnownKey(key=documents.key_of(found), workspace_slug=found["workspace_slug"]) if found else None

    async def find_workspace(self, reference: str) -> Workspace | None:
        """Return the workspace with this id or slug."""
        found = await self._one(collections.WORKSPACES, {"_id": reference}) or await self._one(
            collections.WORKSPACES, {"slug": reference}
        )
        return documents.workspace_of(found) if found else None

    async def find_integration(self, workspace_id: str, integration_id: str) -> StoredIntegration | None:
        """Return one integration of the workspace."""
        found = await self._one(collections.INTEGRATIONS, {"_id": integration_id})
        return documents.stored_integration(found) if found and found["workspace_id"] == workspace_id else None

    async def standing(self, workspace_id: str) -> Standing | None:
        """Return where the workspace stands, None if there is none."""
        found = await self._one(collections.WORKSPACES, {"_id": workspace_id})
        if found is None:
            return None
        return Standing(sequence=found["sequence"], integrations=found["counts"]["integrations"])

    async def changed(self, workspace_id: str, *, after: int, upto: int | None) -> list[Entry]:
        """Return the integrations whose last change has a number above `after` and up to `upto`."""
        numbers = {"$gt": after} if upto is None else {"$gt": after, "$lte": upto}
        found = await self.find(
            collections.INTEGRATIONS, {"workspace_id": workspace_id, "sequence": numbers}, documents.OF_ENTRY
        )
        return [documents.entry_of(document) for document in found]

    async def deleted(self, workspace_id: str, *, after: int) -> list[str]:
        """Return the ids of integrations deleted by a change above `after`; remembered for a day."""
        query = {"workspace_id": workspace_id, "sequence": {"$gt": after}}
        return [document["_id"] for document in await self.find(collections.DELETED_INTEGRATIONS, query)]

    async def list_routes(self, workspace_id: str, *, limit: int, offset: int, after: int | None) -> RoutePage:
        """Return a page of channel routes, oldest first: from `offset` on, or cheaper, behind position `after`."""
        workspace = await self._one(collections.WORKSPACES, {"_id": workspace_id})
        if workspace is None:
            return RoutePage(items=[], total=0)
        counts = documents.counts_of(workspace)
        if offset and after is None:
            with driver_errors():
                cursor = self._database[collections.ROUTES].find({"workspace_id": workspace_id})
                found = await cursor.sort([("position", 1)]).skip(offset).limit(limit + 1).to_list()
        else:
            found = await self._in_stretches(
                collections.ROUTES,
                workspace_id,
                "position",
                range((after or 0) + 1, counts.routes_ever + 1),
                most=limit + 1,
            )
        shown, goes_on = found[:limit], len(found) > limit
        return RoutePage(
            items=[documents.route_of(document) for document in shown],
            total=counts.routes,
            next_offset=offset + limit if goes_on else None,
            next_after=shown[-1]["position"] if goes_on else None,
        )

    async def list_keys(self, workspace_id: str) -> list[ApiKey]:
        """Return a workspace's API keys, newest first."""
        with driver_errors():
            cursor = self._database[collections.API_KEYS].find({"workspace_id": workspace_id})
            return [documents.key_of(document) for document in await cursor.sort([("created_at", -1)]).to_list()]

    async def open_credentials(self, workspace_id: str, integration_id: str) -> Credentials | None:
        """Return an integration with its secrets in clear. Raises UndecryptableError."""
        stored = await self.find_integration(workspace_id, integration_id)
        workspace = await self._one(collections.WORKSPACES, {"_id": workspace_id})
        if stored is None or workspace is None:
            return None
        secrets = self._vault.opened(workspace_id, integration_id, stored.secrets, documents.data_key_of(workspace))
        return Credentials(integration=stored.integration, secrets=secrets)

    async def list_audit(self, workspace_id: str, *, limit: int, before: int | None) -> AuditPage:
        """Return a page of the workspace's audit log, newest first: entries whose number is below `before`."""
        standing = await self.standing(workspace_id)
        newest = standing.sequence if standing else 0
        end = newest if before is None else min(before - 1, newest)
        found = await self._in_stretches(collections.AUDIT, workspace_id, "number", range(end, 0, -1), most=limit + 1)
        items = [documents.audit_entry(document) for document in found[:limit]]
        return AuditPage(items=items, next_before=items[-1].number if len(found) > limit else None)

    async def _in_stretches(
        self, collection: str, workspace_id: str, field: str, numbers: range, *, most: int
    ) -> list[Document]:
        """Return the workspace's first documents whose `field` is in `numbers`, in their order, up or down.

        Read in stretches of numbers, each longer than the one before, so that a page costs about a page, also on a
        database that reads all that an index selects before it sorts and limits. Numbers have gaps: a command may take
        many, and what it made may be gone.
        """
        found: list[Document] = []
        length = STRETCH * most
        while numbers and len(found) < most:
            stretch, numbers = numbers[:length], numbers[length:]
            bounds = {"$gte": min(stretch[0], stretch[-1]), "$lte": max(stretch[0], stretch[-1])}
            with driver_errors():
                cursor = self._database[collection].find({"workspace_id": workspace_id, field: bounds})
                found += await cursor.sort([(field, numbers.step)]).limit(most - len(found)).to_list()
            length *= STRETCH
        return found

    async def _one(self, collection: str, query: Document) -> Document | None:
        with driver_errors():
            return await self._database[collection].find_one(query)
