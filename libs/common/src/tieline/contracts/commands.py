"""Commands to the registry, and its replies.

Topic `registry.integration.commands.v1`, key the workspace's id. The record's `ce_id` is the command's id, by which it
is applied once. A reply goes to the partition named in the `reply_partition` header, its `causation_id` the command's
id. Secret values are sealed to the registry's public key before they come here (`tieline.secrets.sealing`).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from tieline.contracts.base import Contract, JsonObject, WorkspaceId
from tieline.contracts.integrations import Integration, Status, Tag
from tieline.contracts.routes import Channel, ChannelRoute


class Command(Contract):
    """What every command carries. `fingerprint` tells two different bodies under one idempotency key apart."""

    command_id: str
    workspace_id: WorkspaceId
    issued_at: datetime
    issued_by: str = Field(description="User id or key id of the caller, for the audit log.")
    fingerprint: str = ""


class CreateWorkspace(Command):
    """Create a workspace, with its first API key; creating the same slug again returns the existing workspace."""

    type: Literal["workspace.create"] = "workspace.create"
    slug: str
    name: str
    key: "NewApiKey | None" = None


class NewApiKey(Contract):
    """An API key to store: its hash, never the key itself."""

    key_id: str
    name: str
    hash: str = Field(description="SHA-256 of the whole key, hex.")
    hint: str = Field(description="The last four characters, to tell keys apart in a list.")
    user_id: str
    permissions: list[str]
    expires_at: datetime | None = None


class IssueApiKey(Command):
    """Store a new API key."""

    type: Literal["api-key.issue"] = "api-key.issue"
    key: NewApiKey


class RevokeApiKey(Command):
    """Revoke an API key; it stays listed."""

    type: Literal["api-key.revoke"] = "api-key.revoke"
    key_id: str


class SealedSecret(Contract):
    """A secret value that only the registry can open: HPKE ciphertext and the id of the key it is sealed to."""

    kid: str
    sealed: bytes = Field(repr=False)


class Target(Contract):
    """How an existing integration is found. `unique` is surface A's unique identifier; of a `provider`, the oldest."""

    by: Literal["id", "name", "unique", "provider"]
    value: str


class IntegrationDraft(Contract):
    """One integration to create or change. Fields that are None are left as they are (or take their default).

    `replace` names the objects among `auth`, `scope`, `config`, `metadata` that are replaced whole, secrets included;
    the others are merged key by key, where null removes a key with its secret. `keep_secrets` are paths whose stored
    value stays although their object is replaced (the mask was sent back); what the object holds there is dropped.
    `surface` is merged letter by letter and key by key. Paths of `secrets` name one of those four objects and a key in
    it, such as `config.password`. `immutable_provider` refuses to change the provider of an existing one.

    A new integration takes its name from `name`, else from a target by name, else from its provider and id; its
    provider from `provider`, else from a target by provider; its unique identifier from a target by it.
    """

    target: Target
    if_absent: Literal["create", "refuse"] = "create"
    if_present: Literal["update", "refuse"] = "update"
    immutable_provider: bool = False
    expected_revision: int | None = None
    new_id: str = Field(description="The id it gets if it has to be created.")
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    provider: str | None = None
    category: str | None = None
    protocol: Literal["rest", "desktop"] | None = None
    status: Status | None = None
    enabled: bool | None = None
    auth: JsonObject | None = None
    scope: JsonObject | None = None
    config: JsonObject | None = None
    endpoints: list[JsonObject] | None = None
    apis: list[JsonObject] | None = None
    tags: list[Tag] | None = None
    metadata: JsonObject | None = None
    surface: dict[str, JsonObject] | None = None
    secrets: dict[str, SealedSecret] = Field(default_factory=dict)
    replace: list[Literal["auth", "scope", "config", "metadata"]] = Field(default_factory=list)
    keep_secrets: list[str] = Field(default_factory=list)


class SaveIntegrations(Command):
    """Save one or more integrations: all of them or none."""

    type: Literal["integration.save"] = "integration.save"
    drafts: list[IntegrationDraft] = Field(min_length=1, max_length=500)


class DeleteIntegration(Command):
    """Delete an integration with its secrets."""

    type: Literal["integration.delete"] = "integration.delete"
    integration_id: str
    expected_revision: int | None = None


class SaveRoute(Command):
    """Create a channel route, or change the one with `route_id`; None leaves a field as it is."""

    type: Literal["route.save"] = "route.save"
    route_id: str
    create: bool
    event_type: str | None = None
    channel: Channel | None = None
    channel_id: str | None = None
    project_id: str | None = None
    clear_project: bool = False
    enabled: bool | None = None
    filter: JsonObject | None = None
    clear_filter: bool = False
    fallback_route_id: str | None = None
    clear_fallback: bool = False


class DeleteRoute(Command):
    """Delete a channel route."""

    type: Literal["route.delete"] = "route.delete"
    route_id: str


class SetProjects(Command):
    """Say which projects a workspace has; routes can be made for no others. None at all: for any."""

    type: Literal["workspace.set-projects"] = "workspace.set-projects"
    projects: list[str]


AnyCommand = Annotated[
    CreateWorkspace
    | IssueApiKey
    | RevokeApiKey
    | SaveIntegrations
    | DeleteIntegration
    | SaveRoute
    | DeleteRoute
    | SetProjects,
    Field(discriminator="type"),
]

command_adapter: TypeAdapter[Any] = TypeAdapter(AnyCommand)
"""Reads any command from the value of its record."""


class Refusal(Contract):
    """Why a command was refused; nothing was changed. `code` is stable, `facts` say what it is about."""

    code: Literal[
        "workspace_not_found",
        "integration_not_found",
        "route_not_found",
        "api_key_not_found",
        "name_taken",
        "provider_immutable",
        "revision_conflict",
        "idempotency_key_reused",
        "limit_reached",
        "invalid",
    ]
    message: str
    facts: JsonObject = Field(default_factory=dict)


class Reply(Contract):
    """What became of a command. Exactly one of `refusal` and the results is set."""

    command_id: str
    refusal: Refusal | None = None
    integrations: list[Integration] = Field(default_factory=list)
    created: list[bool] = Field(default_factory=list, description="For each integration, whether it is new.")
    route: ChannelRoute | None = None
    workspace: "Workspace | None" = None
    api_key: "ApiKey | None" = None
    deleted_id: str | None = None


class Workspace(Contract):
    """The tenant. Where `projects` are named, routes can be made for no others."""

    id: str
    slug: str
    name: str
    created_at: datetime
    projects: list[str] = Field(default_factory=list)


class ApiKey(Contract):
    """An API key as it is listed: never the key, never its hash."""

    id: str
    workspace_id: str
    name: str
    hint: str
    user_id: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
