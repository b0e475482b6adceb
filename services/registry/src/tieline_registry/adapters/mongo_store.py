"""Loading what commands touch in few queries, and saving what they changed in one transaction."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from tieline.contracts.audit import AuditEntry

from tieline_registry.adapters import collections, documents
from tieline_registry.adapters.mongo import Client, Database, Document, driver_errors, transaction
from tieline_registry.adapters.mongo_lookups import Lookups
from tieline_registry.adapters.vault import Vault
from tieline_registry.domain.applied import AppliedCommand
from tieline_registry.domain.state import WorkingSet, WorkspaceState, WrappedKey
from tieline_registry.domain.wanted import Wanted
from tieline_registry.handlers.ports import ConflictError

Write = InsertOne[Document] | ReplaceOne[Document] | UpdateOne | DeleteOne

_OLDEST_FIRST: Final = [("created_at", 1)]
_NAMELESS: Final = {"$unset": {"by_unique": ""}}


class MongoStore(Lookups):
    """The registry's state in MongoDB.

    A workspace is read before anything in it, and saving requires its sequence number to be the one that was read. So
    whatever was read between is as it was, or the save is refused with ConflictError.
    """

    def __init__(self, client: Client, database: Database, vault: Vault) -> None:
        super().__init__(database)
        self._client = client
        self._vault = vault

    async def load(self, wanted: Wanted) -> WorkingSet:
        """Return the part of the state that is wanted. Raises DatabaseUnavailableError."""
        working = WorkingSet()
        for document in await self._workspaces(wanted):
            working.workspaces[document["_id"]] = documents.workspace_state(document)
        integrations, routes, keys = await asyncio.gather(
            self._integrations(wanted, working),
            self.by_any(collections.ROUTES, {"_id": wanted.route_ids}),
            self.by_any(collections.API_KEYS, {"_id": wanted.key_ids, "hash": wanted.key_hashes}),
        )
        for document in integrations:
            if (state := _home(working, document)) is not None:
                state.hold_integration(documents.stored_integration(document))
        for document in routes:
            if (state := _home(working, document)) is not None:
                state.routes[document["_id"]] = documents.stored_route(document)
        for document in keys:
            if (state := _home(working, document)) is not None:
                state.api_keys[document["_id"]] = documents.stored_key(document)
                working.taken.add(document["hash"])
        return working

    async def save(
        self, working: WorkingSet, commands: Sequence[AppliedCommand], entries: Sequence[AuditEntry], *, now: datetime
    ) -> None:
        """Save all changes and the commands that made them, or nothing.

        Raises ConflictError when another registry was faster, DatabaseUnavailableError, DocumentRefusedError.
        """
        changed = [state for state in working.workspaces.values() if state.is_changed]
        writes: dict[str, list[Write]] = {}
        for name, write in (one for state in changed for one in self._writes(state, now)):
            writes.setdefault(name, []).append(write)
        inserts = {
            collections.COMMANDS: [documents.command_document(command, now) for command in commands],
            collections.AUDIT: [documents.audit_document(entry) for entry in entries],
        }
        async with transaction(self._client) as session:
            await self._advance(changed, session)
            for name, operations in writes.items():
                await self._database[name].bulk_write(operations, session=session)
            for name, inserted in inserts.items():
                if inserted:
                    await self._database[name].insert_many(inserted, session=session)

    # Loading.

    async def _workspaces(self, wanted: Wanted) -> list[Document]:
        return await self.by_any(collections.WORKSPACES, {"_id": wanted.workspace_ids, "slug": wanted.slugs})

    async def _integrations(self, wanted: Wanted, working: WorkingSet) -> list[Document]:
        named, *oldest = await asyncio.gather(
            self.by_any(
                collections.INTEGRATIONS,
                {
                    "_id": wanted.integration_ids,
                    "by_name": _keyed(wanted.names, working),
                    "by_unique": _keyed(wanted.uniques, working),
                },
            ),
            *(
                self._oldest(documents.keyed(workspace_id, provider), limit=wanted.changes[workspace_id] + 1)
                for workspace_id, provider in wanted.providers
                if workspace_id in working.workspaces
            ),
        )
        return [*named, *(document for found in oldest for document in found)]

    async def _oldest(self, by_provider: str, *, limit: int) -> list[Document]:
        with driver_errors():
            cursor = self._database[collections.INTEGRATIONS].find({"by_provider": by_provider})
            return await cursor.sort(_OLDEST_FIRST).limit(limit).to_list()

    # Saving.

    async def _advance(self, changed: Sequence[WorkspaceState], session: AsyncClientSession) -> None:
        """Insert new workspaces and move the others on from the sequence number that was loaded."""
        new = [InsertOne(documents.workspace_document(state, self._key(state))) for state in changed if state.is_new]
        moved = [
            UpdateOne(
                {"_id": state.workspace.id, "sequence": state.loaded_sequence}, {"$set": documents.standing(state)}
            )
            for state in changed
            if not state.is_new
        ]
        if new or moved:
            result = await self._database[collections.WORKSPACES].bulk_write([*new, *moved], session=session)
            if result.matched_count != len(moved):
                raise ConflictError("another registry changed the same workspace")

    def _key(self, state: WorkspaceState) -> WrappedKey:
        if state.data_key is None:
            state.data_key = self._vault.new_key(state.workspace.id)
        return state.data_key

    def _writes(self, state: WorkspaceState, now: datetime) -> Iterator[tuple[str, Write]]:
        """Yield what is to be written of one workspace, with the collection it belongs to.

        What is deleted goes first, then names that are given up are taken away, so that they are free for the next.
        """
        workspace_id = state.workspace.id
        changes = state.integration_changes
        for identity, sequence in changes.deleted.items():
            yield collections.INTEGRATIONS, DeleteOne({"_id": identity})
            deletion = {"_id": identity, "workspace_id": workspace_id, "sequence": sequence, "deleted_at": now}
            yield collections.DELETED_INTEGRATIONS, InsertOne(deletion)
        for identity in state.renamed & changes.replaced:
            yield collections.INTEGRATIONS, UpdateOne({"_id": identity}, _NAMELESS | {"$set": {"by_name": identity}})
        for identity in [*changes.replaced, *changes.created]:
            stored = state.integrations[identity]
            document = documents.integration_document(stored, self._vault.encrypted(stored, self._key(state)))
            yield collections.INTEGRATIONS, _write(document, is_new=identity in changes.created)
        for identity in state.route_changes.deleted:
            yield collections.ROUTES, DeleteOne({"_id": identity})
        for identity in [*state.route_changes.replaced, *state.route_changes.created]:
            document = documents.route_document(state.routes[identity])
            yield collections.ROUTES, _write(document, is_new=identity in state.route_changes.created)
        for identity in state.key_changes.created:
            yield collections.API_KEYS, InsertOne(documents.key_document(state.api_keys[identity], state.workspace))
        for identity in state.key_changes.replaced:
            document = documents.key_document(state.api_keys[identity], state.workspace)
            yield collections.API_KEYS, UpdateOne({"_id": identity}, {"$set": document})


def _write(document: Document, *, is_new: bool) -> Write:
    return InsertOne(document) if is_new else ReplaceOne({"_id": document["_id"]}, document)


def _any(values: Collection[str]) -> Document:
    return {"$in": list(values)}


def _keyed(pairs: Iterable[tuple[str, str]], working: WorkingSet) -> list[str]:
    """Return what names things across workspaces, leaving out workspaces that do not exist."""
    return [documents.keyed(workspace_id, value) for workspace_id, value in pairs if workspace_id in working.workspaces]


def _home(working: WorkingSet, document: Document) -> WorkspaceState | None:
    """Return the workspace a document belongs to if it is one of the working set; else note that its id is taken."""
    state = working.workspaces.get(document["workspace_id"])
    if state is None:
        working.taken |= {document["_id"], *filter(None, [document.get("hash")])}
    return state
