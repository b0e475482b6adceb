"""Surface C's documents and the canonical integration and route.

| document | canonical |
|---|---|
| `integration` | `provider`; `configure` creates one of it or changes the oldest, see `meant` for the status |
| `apiKey`, `authToken`, `botToken`, `accessToken`, `apiToken` | secret `auth.access_token` |
| `organization`, `project` of Sentry | `scope.org_slug`, `scope.project_id`, as surface A's `scope_data` |
| `webhookSecret`, a string or a list | secret `config.webhook_secret`, a list as JSON |
| any other key | `config`, its name in snake case |
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NotRequired

from pydantic import BaseModel, Field, field_validator
from tieline.clock import iso_z
from tieline.contracts.base import JsonObject
from tieline.contracts.commands import IntegrationDraft, Target
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id
from tieline.provider_client import ProviderHealth
from typing_extensions import TypedDict

from tieline_gateway.domain.credentials import MASK, TOKEN_PATH, secret_text, split, token_key
from tieline_gateway.domain.errors import FieldError, RequestInvalidError
from tieline_gateway.domain.providers import NAMES

DOCUMENTED: Final = ("pagerduty", "linear", "sentry", "slack")
"""Always listed by the status, configured or not."""

CONFIGURABLE: Final = (*DOCUMENTED, "github", "jira", "servicenow", "discord", "telegram", "whatsapp", "webhook")

_SCOPE: Final = {"sentry": {"organization": "org_slug", "project": "project_id"}, "jira": {"project": "project_id"}}
_TEXTS: Final = frozenset(
    {"apiKey", "serviceId", "authToken", "organization", "project", "botToken", "accessToken", "apiToken"}
    | {"phoneNumberId", "baseUrl", "url", "username", "email", "password"}
)
"""Keys whose values are texts, for every integration."""

WEBHOOK_SECRET_PATH: Final = "config.webhook_secret"  # noqa: S105 - a path, not a secret


class CallError(TypedDict):
    """The last call that failed."""

    at: str
    message: str


class CallHealth(TypedDict):
    """How calls to the provider go. `breaker` is `open` while none is tried, because many in a row have failed."""

    lastSuccess: str | None
    lastError: CallError | None
    breaker: str


class IntegrationStatus(TypedDict):
    """One entry of the status. `health` is there once the provider has been called."""

    id: str
    configured: bool
    status: str
    lastSync: str | None
    health: NotRequired[CallHealth]


class StatusResponse(TypedDict):
    """The status."""

    integrations: list[IntegrationStatus]


class ConfigureResponse(TypedDict):
    """The answer to a configuration."""

    integration: str
    status: str
    configuredAt: str


class ConfigureRequest(BaseModel):
    """Body of `POST /api/integrations/configure`."""

    integration: str = Field(description="Integration ID: " + ", ".join(CONFIGURABLE))
    config: JsonObject = Field(description="Integration-specific configuration")

    @field_validator("integration")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CONFIGURABLE:
            raise ValueError(f"unknown integration; one of {', '.join(CONFIGURABLE)}")
        return value


def configuration_of(
    request: ConfigureRequest, *, command_id: str, exists: bool
) -> tuple[IntegrationDraft, dict[str, str]]:
    """Return the draft that `request` means, and its secrets by path.

    `exists` tells whether the workspace has an integration of the provider: then it keeps its name. Raises
    RequestInvalidError.
    """
    provider = request.integration
    config = dict(request.config)
    secrets: dict[str, str] = {}
    token = token_key(provider, config)
    _check(config, token)
    if token is not None:
        secrets[TOKEN_PATH] = config.pop(token)
    if "webhookSecret" in config:
        secrets[WEBHOOK_SECRET_PATH] = secret_text(config.pop("webhookSecret"))
    scope = {name: config.pop(key) for key, name in _SCOPE.get(provider, {}).items() if key in config}
    parts = split("config", {snake(key): value for key, value in config.items()})
    if parts.kept:
        raise RequestInvalidError.of(("body", "config"), "holds a mask instead of a value")
    draft = IntegrationDraft(
        target=Target(by="provider", value=provider),
        new_id=derived_id(command_id, "integration"),
        name=None if exists else provider,
        display_name=None if exists else NAMES[provider],
        provider=provider,
        status="active",
        enabled=True,
        scope=scope or None,
        config=parts.clear or None,
    )
    return draft, secrets | parts.secrets


def _check(config: JsonObject, token: str | None) -> None:
    texts = _TEXTS | {token}
    wrong = [
        FieldError(loc=("body", "config", key), message="must be a text that is not empty", kind="value_error")
        for key, value in config.items()
        if key in texts and not _is_text(value)
    ]
    secret = config.get("webhookSecret", "-")
    several = secret if isinstance(secret, list) else [secret]
    if not several or not all(map(_is_text, several)):
        words = "must be a text, or a list of texts while rotating"
        wrong.append(FieldError(loc=("body", "config", "webhookSecret"), message=words, kind="value_error"))
    if not config:
        wrong.append(FieldError(loc=("body", "config"), message="holds nothing", kind="value_error"))
    if wrong:
        raise RequestInvalidError(wrong)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value not in ("", MASK)


def snake(key: str) -> str:
    """Return a camel-case key in snake case: `serviceId` is `service_id`; other keys stay as they are."""
    return (
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower() if re.fullmatch(r"[a-z]+(?:[A-Z][a-z0-9]*)+", key) else key
    )


def is_configured(integration: Integration | None) -> bool:
    """Tell whether there are credentials to work with; an outgoing webhook needs none, only its address."""
    if integration is None:
        return False
    return bool(integration.secret_paths) or (integration.provider == "webhook" and bool(integration.config))


def meant(provider: str, integrations: Sequence[Integration]) -> Integration | None:
    """Return the integration that surface C means by `provider`: the oldest that is active, else the oldest."""
    candidates = [one for one in integrations if one.provider == provider]
    return min(
        candidates,
        key=lambda one: (activity_of(one) != "active", not is_configured(one), one.created_at, one.id),
        default=None,
    )


def status_of(
    provider: str, integration: Integration | None, health: ProviderHealth | None = None
) -> IntegrationStatus:
    """Return one entry of the status: `error` while the provider refuses the credentials as they are now."""
    status: IntegrationStatus = {
        "id": provider,
        "configured": is_configured(integration),
        "status": activity_of(integration),
        "lastSync": None
        if integration is None or integration.last_sync.succeeded_at is None
        else iso_z(integration.last_sync.succeeded_at),
    }
    if integration is not None and health is not None:
        refused = health.credentials_failed_at is not None and health.revision == integration.revision
        if refused and status["status"] == "active":
            status["status"] = "error"
        status["health"] = _health(health)
    return status


def _health(health: ProviderHealth) -> CallHealth:
    error = health.last_error
    return {
        "lastSuccess": None if health.last_success_at is None else iso_z(health.last_success_at),
        "lastError": None if error is None else {"at": iso_z(error.at), "message": error.message},
        "breaker": health.breaker,
    }


def activity_of(integration: Integration | None) -> str:
    """Return `active` for an integration that is configured and switched on, else `inactive`."""
    on = integration is not None and integration.enabled and integration.status == "active"
    return "active" if on and is_configured(integration) else "inactive"


def statuses(
    integrations: Sequence[Integration], health: Mapping[str, ProviderHealth] | None = None
) -> list[IntegrationStatus]:
    """Return the document's four integrations, then the others that the workspace has. `health` is by integration."""
    by_provider = {provider: meant(provider, integrations) for provider in CONFIGURABLE}
    known = health or {}
    return [
        status_of(provider, integration, known.get(integration.id) if integration else None)
        for provider, integration in by_provider.items()
        if provider in DOCUMENTED or integration is not None
    ]
