"""The audit log: who changed what, when, without any value that was changed."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tieline.contracts.base import Contract


class AuditChange(Contract):
    """One thing that was changed. `fields` are the names of what differs, secrets by their paths; never values."""

    kind: Literal["workspace", "api_key", "integration", "route"]
    id: str
    name: str
    action: Literal["created", "updated", "deleted", "revoked", "credentials_opened"]
    fields: list[str] = Field(default_factory=list)


class AuditEntry(Contract):
    """What one command changed. `number` orders the entries of a workspace, newest highest."""

    id: str
    workspace_id: str
    number: int
    at: datetime
    by: str = Field(description="User id or key id of the caller; `service` for another service of Tieline.")
    action: str = Field(description="The command's type, such as `integration.save`.")
    command_id: str | None = None
    changes: list[AuditChange] = Field(default_factory=list)
