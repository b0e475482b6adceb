"""The registry's collections and their indexes, declared here and applied at start."""

from datetime import timedelta
from typing import Final

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
            _index("data_key.master_kid"),
        ],
        API_KEYS: [
            _index("hash", unique=True),
            _index("workspace_id", "created_at"),
        ],
        INTEGRATIONS: [
            _index("by_name", unique=True),
            IndexModel(
                [("by_unique", ASCENDING)],
                name="by_unique",
                unique=True,
                partialFilterExpression={"by_unique": {"$exists": True}},
            ),
            _index("by_provider", "created_at"),
            _index("workspace_id", "sequence"),
        ],
        DELETED_INTEGRATIONS: [
            _index("workspace_id", "sequence"),
            _expiring("deleted_at", DELETED_KEPT),
        ],
        ROUTES: [_index("workspace_id", "created_at", "_id")],
        COMMANDS: [_expiring("applied_at", commands_kept)],
        AUDIT: [
            _index("workspace_id", "number"),
            _expiring("at", audit_kept),
        ],
    }


async def apply_indexes(database: Database, *, commands_kept: timedelta, audit_kept: timedelta) -> None:
    """Create the indexes that are missing. Safe to repeat. Raises DatabaseUnavailableError."""
    with driver_errors():
        for collection, models in indexes(commands_kept=commands_kept, audit_kept=audit_kept).items():
            await database[collection].create_indexes(models)


def _index(*fields: str, unique: bool = False) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name="_".join(fields), unique=unique)


def _expiring(field: str, kept: timedelta) -> IndexModel:
    return IndexModel([(field, ASCENDING)], name=field, expireAfterSeconds=int(kept.total_seconds()))
