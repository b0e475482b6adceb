"""The registry's collections and their indexes, declared here and applied at start."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from tieline_registry.adapters.mongo import Database, driver_errors

WORKSPACES: Final = "workspaces"
API_KEYS: Final = "api_keys"
INTEGRATIONS: Final = "integrations"
DELETED_INTEGRATIONS: Final = "deleted_integrations"
ROUTES: Final = "routes"
COMMANDS: Final = "commands"
AUDIT: Final = "audit"

DELETED_KEPT: Final = timedelta(days=1)
"""How long a deletion is remembered for those who list integrations from memory; they start afresh long before."""


def indexes(*, commands_kept: timedelta, audit_kept: timedelta) -> dict[str, list[IndexModel]]:
    """Return the indexes of each collection."""
    return {
        WORKSPACES: [
            _index("slug", unique=True),
        ],
        API_KEYS: [
            _index("hash", unique=True),
            _index("workspace_id", "created_at"),
        ],
        INTEGRATIONS: [
            _index("by_name", unique=True),
            IndexModel([("by_unique", ASCENDING)], name="by_unique", unique=True, sparse=True),
            _index("by_provider", "created_at"),
            _index("workspace_id", "sequence"),
        ],
        DELETED_INTEGRATIONS: [
            _index("workspace_id", "sequence"),
            _expiring("deleted_at", DELETED_KEPT),
        ],
        ROUTES: [_index("workspace_id", "position")],
        COMMANDS: [_expiring("applied_at", commands_kept)],
        AUDIT: [
            _index("workspace_id", "number"),
            _expiring("at", audit_kept),
        ],
    }


async def apply_indexes(database: Database, *, commands_kept: timedelta, audit_kept: timedelta) -> None:
    """Create the indexes that are missing, and set how long things are kept. Safe to repeat.

    Raises DatabaseUnavailableError.
    """
    with driver_errors():
        for collection, models in indexes(commands_kept=commands_kept, audit_kept=audit_kept).items():
            present = await database[collection].index_information()
            for model in models:
                await _keep_for(database, collection, model.document, present)
            await database[collection].create_indexes(models)


async def _keep_for(database: Database, collection: str, wanted: Mapping[str, Any], present: Mapping[str, Any]) -> None:
    """Change the retention of an index that is there with another one; creating it again would be refused."""
    name, seconds = wanted["name"], wanted.get("expireAfterSeconds")
    if name in present and present[name].get("expireAfterSeconds") != seconds:
        await database.command("collMod", collection, index={"name": name, "expireAfterSeconds": seconds})


def _index(*fields: str, unique: bool = False) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name="_".join(fields), unique=unique)


def _expiring(field: str, kept: timedelta) -> IndexModel:
    return IndexModel([(field, ASCENDING)], name=field, expireAfterSeconds=int(kept.total_seconds()))
