"""The documents of API keys."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, field_validator
from tieline.access import PERMISSIONS, Principal
from tieline.contracts.commands import ApiKey

from tieline_gateway.domain.errors import NotPermittedError, RequestInvalidError


class IssueRequest(BaseModel):
    """Body of `POST /v1/{workspace_id}/api-keys`."""

    name: str = Field(min_length=1, max_length=128, description="What the key is for")
    permissions: list[str] | None = Field(
        default=None, max_length=64, description="What the key may do, at most what yours may; all of yours by default"
    )
    expires_at: AwareDatetime | None = Field(default=None, description="When the key stops working; never by default")

    @field_validator("permissions")
    @classmethod
    def _known(cls, value: list[str] | None) -> list[str] | None:
        unknown = sorted({name for name in value or () if name.lower() not in PERMISSIONS})
        if unknown:
            raise ValueError(f"unknown permissions: {', '.join(unknown)}")
        return None if value is None else sorted({name.lower() for name in value})


def granted(request: IssueRequest, principal: Principal) -> list[str]:
    """Return the permissions of the new key. Raises NotPermittedError for one the caller lacks itself."""
    if request.permissions is None:
        return sorted(principal.permissions)
    for permission in request.permissions:
        if not principal.may(permission):
            raise NotPermittedError(permission)
    if not request.permissions:
        raise RequestInvalidError.of(("body", "permissions"), "a key needs at least one permission")
    return request.permissions


def document_of(key: ApiKey) -> dict[str, Any]:
    """Return one key as it is listed."""
    return {
        "id": key.id,
        "workspace_id": key.workspace_id,
        "name": key.name,
        "hint": key.hint,
        "user_id": key.user_id,
        "permissions": key.permissions,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
