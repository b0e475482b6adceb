"""Notes of uses in MongoDB."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError
from tieline.contracts.audit import AuditChange, AuditEntry
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id

from tieline_registry.adapters import collections, documents
from tieline_registry.adapters.mongo import Database, driver_errors

SERVICE = "service"
OPENED = "credentials.open"


class MongoUses:
    """Times of last use, and openings in the audit log. Every call may raise DatabaseUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_key_uses(self, uses: Mapping[str, datetime]) -> None:
        """Note when API keys were used last; never moves a time back."""
        if not uses:
            return
        writes = [UpdateOne({"_id": key_id}, {"$max": {"last_used_at": at}}) for key_id, at in uses.items()]
        with driver_errors():
            await self._database[collections.API_KEYS].bulk_write(writes, ordered=False)

    async def note_opening(self, integration: Integration, at: datetime, *, every: timedelta) -> None:
        """Add an opening to the audit log, unless one of the same stretch of time is there, from whichever replica."""
        stretch = int(at.timestamp() // every.total_seconds())
        identity = derived_id(OPENED, integration.id, str(stretch))
        with driver_errors():
            if await self._database[collections.AUDIT].find_one({"_id": identity}, {"_id": 1}) is not None:
                return
            # The number is taken from the workspace's changes, so that the audit log has one order.
            workspace = await self._database[collections.WORKSPACES].find_one_and_update(
                {"_id": integration.workspace_id}, {"$inc": {"sequence": 1}}, return_document=ReturnDocument.AFTER
            )
        if workspace is None:
            return
        change = AuditChange(kind="integration", id=integration.id, name=integration.name, action="credentials_opened")
        entry = AuditEntry(
            id=identity,
            workspace_id=integration.workspace_id,
            number=workspace["sequence"],
            at=at,
            by=SERVICE,
            action=OPENED,
            changes=[change],
        )
        with driver_errors():
            try:
                await self._database[collections.AUDIT].insert_one(documents.audit_document(entry))
            except DuplicateKeyError:
                return
