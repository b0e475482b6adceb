"""Surface E's documents and the canonical integration.

| document | canonical |
|---|---|
| `name`, `display_name`, `enabled` | the same; an enabled integration gets the status `active` |
| `protocol` | `protocol`; the provider of one that is created here is `rest` |
| `base_url` | `config.base_url`; shown from `config.url` where only that is known |
| `auth` | `auth`; for integrations saved elsewhere with a token it is shown as `bearer_token` |
| `auth.<name>_value` | secrets, see `SECRETS` |
| `endpoints` | `endpoints` |
"""

from typing import Any, Final

from tieline.contracts.base import JsonObject
from tieline.contracts.commands import IntegrationDraft, Target
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id

from tieline_gateway.domain.credentials import TOKEN_PATH
from tieline_gateway.domain.errors import RequestInvalidError
from tieline_gateway.domain.workspace_models import (
    AuthConfig,
    AuthConfigWithSecrets,
    CreateIntegrationRequest,
    EndpointConfig,
    IntegrationResponse,
    UpdateIntegrationRequest,
)

SECRETS: Final = {
    "api_key_value": "auth.api_key",
    "bearer_token_value": TOKEN_PATH,
    "client_secret_value": "auth.client_secret",
    "private_key_value": "auth.private_key",
    "exchange_secret_value": "auth.exchange_secret",
}
"""Where the secret values of `auth` are kept."""

SECRETS_OF_TYPE: Final = {
    "api_key_header": ("auth.api_key",),
    "bearer_token": (TOKEN_PATH, "auth.refresh_token"),
    "oauth2_client_credentials": ("auth.client_secret",),
    "json_token_exchange": ("auth.client_secret",),
    "oauth2_jwt_bearer": ("auth.private_key",),
    "bearer_token_exchange": ("auth.exchange_secret",),
}
"""Stored secrets that stay when `auth` is replaced without giving them again: what the type works with."""

SORTABLE: Final = ("name", "display_name", "created_at", "updated_at", "enabled", "protocol")


def creation_of(request: CreateIntegrationRequest, *, command_id: str) -> tuple[IntegrationDraft, dict[str, str]]:
    """Return the draft of a new integration, refused when the name is taken, and its secrets by path."""
    auth, secrets = _auth(request.auth)
    draft = IntegrationDraft(
        target=Target(by="name", value=request.name),
        if_present="refuse",
        new_id=derived_id(command_id, "integration"),
        name=request.name,
        display_name=request.display_name,
        provider="rest",
        protocol=request.protocol,
        status="active",
        enabled=request.enabled,
        auth=auth or None,
        config={"base_url": request.base_url} if request.base_url else None,
        endpoints=[endpoint.model_dump(mode="json") for endpoint in request.endpoints],
    )
    return draft, secrets


def update_of(
    request: UpdateIntegrationRequest, integration_id: str, *, command_id: str, expected_revision: int | None
) -> tuple[IntegrationDraft, dict[str, str]]:
    """Return the draft of a change to what the request names, and new secrets by path.

    Stored secrets that the type of `auth` works with stay unless they are given again; `auth` null removes all of it.
    """
    given = request.model_fields_set
    auth, secrets = _auth(request.auth)
    kept = [] if request.auth is None else SECRETS_OF_TYPE[request.auth.type]
    draft = IntegrationDraft(
        target=Target(by="id", value=integration_id),
        if_absent="refuse",
        expected_revision=expected_revision,
        new_id=derived_id(command_id, "integration"),
        display_name=request.display_name if "display_name" in given else None,
        status="active" if "enabled" in given and request.enabled else None,
        enabled=request.enabled if "enabled" in given else None,
        auth=auth if "auth" in given else None,
        config={"base_url": request.base_url} if "base_url" in given else None,
        endpoints=[one.model_dump(mode="json") for one in request.endpoints] if "endpoints" in given else None,
        replace=["auth"],
        keep_secrets=[path for path in kept if path not in secrets],
    )
    return draft, secrets


def _auth(request: AuthConfigWithSecrets | None) -> tuple[JsonObject, dict[str, str]]:
    if request is None:
        return {}, {}
    secrets = {path: given.value for name, path in SECRETS.items() if (given := getattr(request, name)) is not None}
    return request.model_dump(mode="json", exclude=set(SECRETS), exclude_none=True), secrets


def document_of(integration: Integration) -> IntegrationResponse:
    """Return the document's integration."""
    return IntegrationResponse.model_validate(
        {
            "id": integration.id,
            "workspace_id": integration.workspace_id,
            "name": integration.name,
            "display_name": integration.display_name,
            "protocol": integration.protocol,
            "base_url": _base_url(integration),
            "auth": _shown_auth(integration),
            "endpoints": [EndpointConfig.model_validate(one) for one in integration.endpoints],
            "enabled": integration.enabled,
            "builtin": integration.builtin,
            "created_at": integration.created_at,
            "updated_at": integration.updated_at,
        }
    )


def _base_url(integration: Integration) -> str:
    for key in ("base_url", "url"):
        value = integration.config.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


def _shown_auth(integration: Integration) -> AuthConfig | None:
    if integration.auth.get("type") in SECRETS_OF_TYPE:
        return AuthConfig.model_validate(integration.auth)
    return AuthConfig(type="bearer_token") if TOKEN_PATH in integration.secret_paths else None


def sort_of(sort_by: str | None) -> tuple[tuple[str, int], ...]:
    """Return the fields to sort by with their direction; `-` in front is descending. Raises RequestInvalidError."""
    if sort_by is None:
        return (("name", 1),)
    field, direction = (sort_by[1:], -1) if sort_by.startswith("-") else (sort_by, 1)
    if field not in SORTABLE:
        words = f"must be one of {', '.join(SORTABLE)}, descending with - in front"
        raise RequestInvalidError.of(("query", "sort_by"), words)
    return ((field, direction),)


def filters_of(*, enabled: bool | None, protocol: str | None) -> dict[str, Any]:
    """Return what the list is narrowed to."""
    wanted = {"enabled": enabled, "protocol": protocol}
    return {name: value for name, value in wanted.items() if value is not None}
