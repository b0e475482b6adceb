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
from collections.abc import Sequence
from typing import Any, Final, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator
from tieline.clock import iso_z
from tieline.contracts.base import JsonObject
from tieline.contracts.commands import IntegrationDraft, Target
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.ids import derived_id
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
Channel = Literal["slack", "whatsapp", "telegram", "discord", "webhook"]
LONGEST_ID = 256
LONGEST_PATTERNS = 8192  # room for as many patterns as a route may list


class IntegrationStatus(TypedDict):
    """One entry of the status."""

    id: str
    configured: bool
    status: str
    lastSync: str | None


class StatusResponse(TypedDict):
    """The status."""

    integrations: list[IntegrationStatus]


class ConfigureResponse(TypedDict):
    """The answer to a configuration."""

    integration: str
    status: str
    configuredAt: str


class RouteDocument(TypedDict):
    """A channel route. `createdAt` belongs to the answer of its creation, the last two are there when they are set."""

    id: str
    eventType: str
    channel: str
    channelId: str
    projectId: str | None
    enabled: bool
    createdAt: NotRequired[str]
    filter: NotRequired[JsonObject]
    fallbackRouteId: NotRequired[str]


class RouteList(TypedDict):
    """All channel routes."""

    routes: list[RouteDocument]


class RouteDeleted(TypedDict):
    """The answer to a deletion."""

    id: str
    deleted: bool


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


class RouteRequest(BaseModel):
    """Body of `POST /api/channel-routes`."""

    eventType: str = Field(min_length=1, max_length=LONGEST_PATTERNS, description="Event pattern (supports * wildcard)")  # noqa: N815 - the document's name
    channel: Channel = Field(description="Channel type")
    channelId: str = Field(min_length=1, max_length=LONGEST_ID, description="Channel/group identifier")  # noqa: N815 - the document's name
    projectId: str | None = Field(default=None, max_length=LONGEST_ID, description="Scope to specific project")  # noqa: N815 - the document's name
    enabled: StrictBool = True
    filter: JsonObject | None = Field(default=None, description="Content the event must have besides its type")
    fallbackRouteId: str | None = Field(default=None, max_length=LONGEST_ID)  # noqa: N815 - the document's style


class RouteChange(BaseModel):
    """Body of `PATCH /api/channel-routes/{id}`: what is given changes; null takes project, filter or fallback away."""

    model_config = ConfigDict(extra="forbid")

    eventType: str | None = Field(default=None, min_length=1, max_length=LONGEST_PATTERNS)  # noqa: N815 - the document's name
    channel: Channel | None = None
    channelId: str | None = Field(default=None, min_length=1, max_length=LONGEST_ID)  # noqa: N815 - the document's name
    projectId: str | None = Field(default=None, max_length=LONGEST_ID)  # noqa: N815 - the document's name
    enabled: StrictBool | None = None
    filter: JsonObject | None = None
    fallbackRouteId: str | None = Field(default=None, max_length=LONGEST_ID)  # noqa: N815 - the document's style

    def fields(self) -> dict[str, Any]:
        """Return the fields of the command."""
        cleared = {name for name in self.model_fields_set if getattr(self, name) is None}
        return {
            "event_type": self.eventType,
            "channel": self.channel,
            "channel_id": self.channelId,
            "project_id": self.projectId,
            "enabled": self.enabled,
            "filter": self.filter,
            "fallback_route_id": self.fallbackRouteId,
            "clear_project": "projectId" in cleared,
            "clear_filter": "filter" in cleared,
            "clear_fallback": "fallbackRouteId" in cleared,
        }


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


def status_of(provider: str, integration: Integration | None) -> IntegrationStatus:
    """Return one entry of the status."""
    return {
        "id": provider,
        "configured": is_configured(integration),
        "status": activity_of(integration),
        "lastSync": None
        if integration is None or integration.last_sync.succeeded_at is None
        else iso_z(integration.last_sync.succeeded_at),
    }


def activity_of(integration: Integration | None) -> str:
    """Return `active` for an integration that is configured and switched on, else `inactive`."""
    on = integration is not None and integration.enabled and integration.status == "active"
    return "active" if on and is_configured(integration) else "inactive"


def statuses(integrations: Sequence[Integration]) -> list[IntegrationStatus]:
    """Return the document's four integrations, then the others that the workspace has."""
    by_provider = {provider: meant(provider, integrations) for provider in CONFIGURABLE}
    return [
        status_of(provider, integration)
        for provider, integration in by_provider.items()
        if provider in DOCUMENTED or integration is not None
    ]


def route_document(route: ChannelRoute, *, created: bool = False) -> RouteDocument:
    """Return `route` as the document shows it; `createdAt` belongs to the answer of its creation."""
    document: RouteDocument = {
        "id": route.id,
        "eventType": route.event_type,
        "channel": route.channel,
        "channelId": route.channel_id,
        "projectId": route.project_id,
        "enabled": route.enabled,
    }
    if route.filter is not None:
        document["filter"] = route.filter
    if route.fallback_route_id is not None:
        document["fallbackRouteId"] = route.fallback_route_id
    if created:
        document["createdAt"] = iso_z(route.created_at)
    return document
