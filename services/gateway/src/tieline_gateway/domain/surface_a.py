"""Surface A's document and the canonical integration.

| document | canonical |
|---|---|
| `unique_identifier` | `surface.A.unique_identifier`, also how an existing one is found |
| `auth_data.access_token`, `refresh_token`, `code` | secrets `auth.access_token`, `auth.refresh_token`, `auth.code` |
| other `auth_data` | `auth`; an access token without `expires_at` takes the old one's expiry away |
| `scope_data` | `scope` |
| `metadata.tags` | `tags` with empty values; the rest is `metadata` |
| `active` | `enabled` |
"""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from tieline.contracts.commands import IntegrationDraft, Target
from tieline.contracts.integrations import Integration, Tag
from tieline.ids import derived_id
from typing_extensions import TypedDict

from tieline_gateway.domain.credentials import TOKEN_PATH

SECRET_FIELDS = ("access_token", "refresh_token", "code")
IntegrationType = Literal["sentry", "jira", "linear", "confluence", "slack", "github"]


class AuthData(BaseModel):
    """Authentication credentials. Fields the document does not know are dropped: they might be secret."""

    access_token: str | None = Field(default=None, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    token_type: str | None = "Bearer"  # noqa: S105 - a scheme, not a password
    code: str | None = Field(default=None, repr=False)
    scope: str | None = None
    expires_at: datetime | None = None


class ScopeData(BaseModel):
    """Scope-specific configuration."""

    model_config = ConfigDict(extra="allow")

    org_slug: str | None = None
    workspace_id: str | None = None
    project_id: str | None = None
    installation_id: str | None = None


class Metadata(BaseModel):
    """Additional integration metadata."""

    model_config = ConfigDict(extra="allow")

    instance_name: str
    created_via: str | None = "oauth_callback"
    description: str | None = None
    version: str | None = None
    tags: list[str] | None = Field(default_factory=list)


class SaveRequest(BaseModel):
    """Body of `POST /api/v2/integrations/save`."""

    name: str = Field(min_length=1, max_length=255, description="User-friendly integration name")
    integration_type: IntegrationType = Field(description="Type of integration")
    status: Literal["active", "inactive", "pending", "error"] = Field("active", description="Integration status")
    active: bool = Field(default=True, description="Whether integration is active")
    unique_identifier: str | None = Field(
        default=None, min_length=1, max_length=255, description="Custom identifier (auto-generated if not provided)"
    )
    auth_data: AuthData | None = None
    scope_data: ScopeData | None = None
    metadata: Metadata | None = None


class SavedData(TypedDict):
    """`data` of the answer."""

    integration_id: str
    name: str
    integration_type: str
    status: str
    active: bool
    unique_identifier: str
    created_by: str
    created_at: str
    has_auth_data: bool
    has_scope_data: bool
    metadata: dict[str, Any]


class SaveResponse(TypedDict):
    """The answer: `data` when it was saved, else `error`."""

    success: bool
    data: SavedData | None
    error: str | None


def draft_of(request: SaveRequest, *, command_id: str) -> tuple[IntegrationDraft, dict[str, str]]:
    """Return the draft of `request` and its secrets by path.

    The same command gives the same ids. A request without an identifier always makes a new integration.
    """
    new_id = derived_id(command_id, "integration")
    unique = request.unique_identifier or f"{request.integration_type}-{new_id}"
    auth, secrets = _auth(request.auth_data)
    metadata = request.metadata
    draft = IntegrationDraft(
        target=Target(by="unique", value=unique),
        new_id=new_id,
        name=unique,
        display_name=request.name,
        description=None if metadata is None else metadata.description,
        provider=request.integration_type,
        status=request.status,
        enabled=request.active,
        auth=auth,
        scope=None if request.scope_data is None else request.scope_data.model_dump(mode="json", exclude_none=True),
        metadata=None if metadata is None else metadata.model_dump(mode="json", exclude={"tags"}),
        tags=None if metadata is None else [Tag(key=tag) for tag in metadata.tags or ()],
        surface={"A": {"unique_identifier": unique}},
        replace=["metadata"] if metadata is not None else [],
    )
    return draft, secrets


def _auth(data: AuthData | None) -> tuple[dict[str, Any] | None, dict[str, str]]:
    if data is None:
        return None, {}
    values = data.model_dump(mode="json", exclude_none=True)
    secrets = {f"auth.{name}": secret for name in SECRET_FIELDS if (secret := values.pop(name, None))}
    if TOKEN_PATH in secrets:
        values.setdefault("expires_at", None)  # the old token's expiry is not the new one's
    return values, secrets


def document_of(integration: Integration) -> SavedData:
    """Return `data` of the answer for `integration`."""
    return {
        "integration_id": integration.id,
        "name": integration.display_name,
        "integration_type": integration.provider,
        "status": integration.status,
        "active": integration.enabled,
        "unique_identifier": integration.surface.get("A", {}).get("unique_identifier", integration.name),
        "created_by": integration.created_by,
        "created_at": _naive_iso(integration.created_at),
        "has_auth_data": TOKEN_PATH in integration.secret_paths,
        "has_scope_data": any(integration.scope.get(name) for name in ("org_slug", "workspace_id")),
        "metadata": {
            "instance_name": integration.display_name,
            "created_via": "oauth_callback",
            "description": integration.description,
            "version": None,
            **integration.metadata,
            "tags": [tag.key for tag in integration.tags],
        },
    }


def _naive_iso(instant: datetime) -> str:
    """Return the document's form: UTC without an offset, six digits of fraction."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
