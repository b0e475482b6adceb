"""Surface D's documents and the canonical integration.

| document | canonical |
|---|---|
| `service_name` | `display_name`; the provider is recognised in it (`ServiceNow Production` is `servicenow`) |
| `auth_type` | `auth.type`; derived for integrations saved elsewhere |
| `config` | `config`; secrets under their paths, shown as the mask |
| the token in `config`, whatever its key | secret `auth.access_token`; the key is kept in `surface.D.token_key` |
| `is_active` | `enabled`; an enabled integration gets the status `active` |
| `config.lastSynced`, `last_synced_at` | `last_sync.succeeded_at` |
| `user_id` | `created_by` |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, Field, StrictBool
from tieline.clock import iso_z
from tieline.contracts.base import JsonObject
from tieline.contracts.commands import IntegrationDraft, Target
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id
from typing_extensions import TypedDict

from tieline_gateway.domain.credentials import MASK, TOKEN_PATH, Split, decode_path, masked, split, token_key
from tieline_gateway.domain.errors import FieldError, RequestInvalidError
from tieline_gateway.domain.providers import recognise, slug

AuthType = Literal["basic_auth", "api_token", "oauth2"]
AUTH_TYPES: Final = frozenset({"basic_auth", "api_token", "oauth2"})
LAST_SYNCED: Final = "lastSynced"
_OAUTH2_SECRETS: Final = frozenset(
    {"auth.refresh_token", "auth.code", "auth.client_secret", "config.client_secret", "config.refresh_token"}
)


class IntegrationObject(TypedDict):
    """One integration, secrets masked."""

    id: str
    service_name: str
    auth_type: str
    config: JsonObject
    is_active: bool
    last_synced_at: str | None
    last_sync_status: str | None
    last_sync_error: str | None
    updated_at: str
    user_id: str | None


class OneIntegration(TypedDict):
    """An answer about one integration."""

    success: bool
    integration: IntegrationObject


class AllIntegrations(TypedDict):
    """The answer to the list."""

    success: bool
    integrations: list[IntegrationObject]


class Done(TypedDict):
    """An answer without an integration."""

    success: bool
    message: str


class IntegrationRequest(BaseModel):
    """Body of create and update; an update replaces everything."""

    service_name: str = Field(min_length=1, max_length=255, description="Name of the external service")
    auth_type: AuthType = Field(description="Authentication method")
    config: JsonObject = Field(description="Service-specific configuration object")
    is_active: StrictBool = Field(description="Whether the integration is enabled")


def creation_of(request: IntegrationRequest, *, command_id: str) -> tuple[IntegrationDraft, dict[str, str]]:
    """Return the draft of a new integration and its secrets by path. Raises RequestInvalidError."""
    new_id = derived_id(command_id, "integration")
    provider = recognise(request.service_name) or slug(request.service_name)
    config = _taken_apart(request.config, provider, {})
    _refuse_masks(config.kept)
    draft = _draft(request, config, target=Target(by="id", value=new_id), new_id=new_id, provider=provider)
    created = {"name": f"{provider}-{new_id[:8]}", "auth": {"type": request.auth_type}, "replace": ["config"]}
    return draft.model_copy(update=created), config.secrets


def update_of(
    request: IntegrationRequest, integration_id: str, existing: Integration | None, *, command_id: str
) -> tuple[IntegrationDraft, dict[str, str]]:
    """Return the draft that replaces what surface D shows of `existing`, and its new secrets by path.

    A mask keeps the stored value of its field. A service name in which no provider is recognised renames only. Raises
    RequestInvalidError when a mask stands where nothing is stored. Without `existing` the draft will be refused, unless
    it repeats a command that was applied while the integration was there.
    """
    provider = recognise(request.service_name) or (existing.provider if existing else slug(request.service_name))
    config = _taken_apart(request.config, provider, _auth_keys(existing) if existing else {})
    if existing is not None:
        _refuse_masks([path for path in config.kept if path not in existing.secret_paths])
    new_id = derived_id(command_id, "integration")
    draft = _draft(request, config, target=Target(by="id", value=integration_id), new_id=new_id, provider=provider)
    replaced = {
        "auth": _auth_of(request, existing),
        "replace": ["config", "auth"],
        "keep_secrets": config.kept,
        "if_absent": "refuse",
    }
    return draft.model_copy(update=replaced), config.secrets


def _auth_of(request: IntegrationRequest, existing: Integration | None) -> JsonObject:
    if existing is not None and auth_type_of(existing) == request.auth_type:
        return {"type": request.auth_type, **existing.auth}  # surface E's settings stay, and its name for the type
    return {"type": request.auth_type}


@dataclass(slots=True)
class _Config(Split):
    """A request's configuration taken apart, and the key its token came under."""

    token_key: str | None = None


def _taken_apart(given: JsonObject, provider: str, auth_keys: Mapping[str, str]) -> _Config:
    """Take a configuration apart; `auth_keys` are the keys under which stored secrets of `auth` are shown."""
    config = dict(given)
    paths = {key: path for key, path in auth_keys.items() if key in config}
    if TOKEN_PATH not in paths.values() and (key := token_key(provider, config)) is not None:
        paths[key] = TOKEN_PATH
    found = _Config()
    for key, path in paths.items():
        if not isinstance(config[key], str) or not config[key]:
            continue
        value = config.pop(key)
        if path == TOKEN_PATH:
            found.token_key = key
        if value == MASK:
            found.kept.append(path)
        else:
            found.secrets[path] = value
    rest = split("config", config)
    found.clear = rest.clear
    found.secrets |= rest.secrets
    found.kept += rest.kept
    return found


def _draft(
    request: IntegrationRequest, config: _Config, *, target: Target, new_id: str, provider: str
) -> IntegrationDraft:
    return IntegrationDraft(
        target=target,
        new_id=new_id,
        display_name=request.service_name,
        provider=provider,
        status="active" if request.is_active else None,
        enabled=request.is_active,
        config=config.clear,
        surface={"D": {"token_key": config.token_key}},
    )


def _refuse_masks(paths: list[str]) -> None:
    if paths:
        raise RequestInvalidError(
            [
                FieldError(
                    loc=("body", *decode_path(path)),
                    message="a mask keeps a stored value; none is stored",
                    kind="value_error",
                )
                for path in paths
            ]
        )


def document_of(integration: Integration) -> IntegrationObject:
    """Return the document's integration object, secrets masked."""
    last = integration.last_sync
    return {
        "id": integration.id,
        "service_name": integration.display_name,
        "auth_type": auth_type_of(integration),
        "config": config_of(integration),
        "is_active": integration.enabled and integration.status == "active",
        "last_synced_at": None if last.succeeded_at is None else iso_z(last.succeeded_at),
        "last_sync_status": last.status,
        "last_sync_error": last.error,
        "updated_at": iso_z(integration.updated_at),
        "user_id": integration.created_by,
    }


def config_of(integration: Integration) -> JsonObject:
    """Return the configuration as surface D shows it: masks for secrets, and when it was last synced."""
    shown = masked("config", integration.config, integration.secret_paths)
    shown |= dict.fromkeys(_auth_keys(integration), MASK)
    if integration.last_sync.succeeded_at is not None:
        shown[LAST_SYNCED] = iso_z(integration.last_sync.succeeded_at)
    return shown


def _auth_keys(integration: Integration) -> dict[str, str]:
    """Return the stored secrets of `auth` by the keys under which the configuration shows them."""
    token = str(integration.surface.get("D", {}).get("token_key") or "access_token")
    return {
        token if path == TOKEN_PATH else decode_path(path)[-1]: path
        for path in integration.secret_paths
        if path.startswith("auth.")
    }


def auth_type_of(integration: Integration) -> str:
    """Return `auth.type` where surface D has set it, else what the stored credentials amount to."""
    kind = str(integration.auth.get("type", ""))
    if kind in AUTH_TYPES:
        return kind
    if kind.startswith("oauth2") or kind == "json_token_exchange":
        return "oauth2"
    if kind:
        return "api_token"
    if "config.password" in integration.secret_paths:
        return "basic_auth"
    return "oauth2" if _OAUTH2_SECRETS.intersection(integration.secret_paths) else "api_token"
