"""The documents of API keys."""

from datetime import datetime

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


class ApiKeyResponse(BaseModel):
    """One key as it is listed."""

    id: str
    workspace_id: str
    name: str
    hint: str = Field(description="The last four characters of the key")
    user_id: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyResponse":
        """Return the document of `key`."""
        return cls.model_validate(key.model_dump())


class IssuedApiKeyResponse(ApiKeyResponse):
    """A new key: the only answer that shows it."""

    api_key: str = Field(description="The key itself, shown this once", repr=False)


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
