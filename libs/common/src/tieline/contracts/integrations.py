"""An integration as the rest of Tieline sees it: everything but its secret values.

Topic `registry.integration.events.v1`, key the integration's id, compacted: the last record of a key is the
integration as it is, a tombstone means it was deleted.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tieline.contracts.base import Contract, JsonObject

INTEGRATION_SAVED = "integration.saved"
INTEGRATION_DELETED = "integration.deleted"

Status = Literal["active", "inactive", "pending", "error"]


class Tag(Contract):
    """A label of an integration; surface A's plain tags have an empty value."""

    key: str
    value: str = ""


class LastSync(Contract):
    """How the last sync run of an integration ended. `succeeded_at` moves only on success."""

    succeeded_at: datetime | None = None
    status: Literal["success", "error"] | None = None
    error: str | None = None
    run_id: str | None = None


class Integration(Contract):
    """The canonical integration, without its secrets.

    `auth`, `scope`, `config` and `metadata` hold what is not secret; a secret value is absent there and its path, such
    as `auth.access_token` or `config.password`, is listed in `secret_paths`. `surface` keeps, by surface letter, facts
    that have no canonical home.
    """

    id: str
    workspace_id: str
    workspace_slug: str
    name: str
    display_name: str
    description: str | None = None
    provider: str
    category: str | None = None
    protocol: Literal["rest", "desktop"] = "rest"
    status: Status = "active"
    enabled: bool = True
    builtin: bool = False
    auth: JsonObject = Field(default_factory=dict)
    scope: JsonObject = Field(default_factory=dict)
    config: JsonObject = Field(default_factory=dict)
    endpoints: list[JsonObject] = Field(default_factory=list)
    apis: list[JsonObject] = Field(default_factory=list)
    tags: list[Tag] = Field(default_factory=list)
    metadata: JsonObject = Field(default_factory=dict)
    surface: dict[str, JsonObject] = Field(default_factory=dict)
    secret_paths: list[str] = Field(default_factory=list)
    created_by: str
    created_at: datetime
    updated_at: datetime
    revision: int = 1
    last_sync: LastSync = LastSync()
