"""Documents of the registry's collections.

What users name and nest freely (`auth`, `config`, `filter` …) is kept as JSON text: keys with dots and dollars, numbers
beyond 64 bits and the order of keys stay as they came, and nothing of it is ever seen by MongoDB's operators.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Final

from pydantic_core import from_json, to_json
from tieline.contracts.audit import AuditEntry
from tieline.contracts.commands import ApiKey, Workspace
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.secrets.envelope import Ciphertext

from tieline_registry.adapters.mongo import Document
from tieline_registry.domain.applied import AppliedCommand
from tieline_registry.domain.directory import Entry
from tieline_registry.domain.state import Counts, StoredIntegration, StoredKey, StoredRoute, WorkspaceState, WrappedKey

FREE: Final = {"auth", "scope", "config", "endpoints", "apis", "tags", "metadata", "surface"}
"""Parts of an integration that are kept as JSON text."""


def keyed(workspace_id: str, value: str) -> str:
    """Return a value as it is unique across workspaces; a workspace's id has no slash."""
    return f"{workspace_id}/{value}"


def workspace_document(state: WorkspaceState, data_key: WrappedKey) -> Document:
    """Return the document of a new workspace."""
    workspace = state.workspace
    return {
        "_id": workspace.id,
        **workspace.model_dump(exclude={"id"}),
        "data_key": data_key_document(data_key),
        **standing(state),
    }


def data_key_document(key: WrappedKey) -> Document:
    """Return a wrapped data key as it stands in its workspace's document."""
    return {"kid": key.kid, "master_kid": key.wrapped.kid, "data": key.wrapped.data}


def data_key_of(document: Document) -> WrappedKey:
    """Return the wrapped data key of a workspace's document."""
    key = document["data_key"]
    return WrappedKey(kid=key["kid"], wrapped=Ciphertext(kid=key["master_kid"], data=bytes(key["data"])))


def standing(state: WorkspaceState) -> Document:
    """Return the fields of a workspace's document that change."""
    return {
        "sequence": state.sequence,
        "counts": asdict(state.counts),
        "projects": list(state.workspace.projects),
    }


def workspace_of(document: Document) -> Workspace:
    """Return the workspace a document holds."""
    return Workspace(
        id=document["_id"],
        slug=document["slug"],
        name=document["name"],
        created_at=document["created_at"],
        projects=document.get("projects", []),
    )


def counts_of(document: Document) -> Counts:
    """Return how many of each the workspace of a document has."""
    return Counts(**document["counts"])


def workspace_state(document: Document) -> WorkspaceState:
    """Return a workspace with nothing loaded yet."""
    return WorkspaceState(
        workspace=workspace_of(document),
        loaded_sequence=document["sequence"],
        sequence=document["sequence"],
        counts=counts_of(document),
        data_key=data_key_of(document),
    )


def integration_document(stored: StoredIntegration, secrets: dict[str, Ciphertext]) -> Document:
    """Return an integration's document; `secrets` are its secrets, encrypted."""
    integration = stored.integration
    document: Document = {
        "_id": integration.id,
        **integration.model_dump(exclude={"id", "secret_paths", *FREE}),
        "free": to_json(integration.model_dump(mode="json", include=FREE)).decode(),
        "secrets": [{"path": path, "kid": secret.kid, "data": secret.data} for path, secret in sorted(secrets.items())],
        "by_name": keyed(integration.workspace_id, integration.name),
        "by_provider": keyed(integration.workspace_id, integration.provider),
        "sequence": stored.sequence,
        "event_id": stored.event_id,
        "synced_at": stored.synced_at,
    }
    if stored.unique is not None:
        document["by_unique"] = keyed(integration.workspace_id, stored.unique)
    return document


def integration_of(document: Document) -> Integration:
    """Return the integration a document holds."""
    return Integration.model_validate(
        {
            **document,
            "id": document["_id"],
            **from_json(document["free"]),
            "secret_paths": [secret["path"] for secret in document["secrets"]],
        }
    )


OF_ENTRY: Final = dict.fromkeys(
    (
        "name",
        "display_name",
        "provider",
        "protocol",
        "status",
        "enabled",
        "created_at",
        "updated_at",
    ),
    1,
)
"""The fields of an integration's document that lists need."""


def entry_of(document: Document) -> Entry:
    """Return what lists need of an integration."""
    return Entry(id=document["_id"], **{name: document[name] for name in OF_ENTRY})


def stored_integration(document: Document) -> StoredIntegration:
    """Return an integration with its encrypted secrets."""
    return StoredIntegration(
        integration=integration_of(document),
        secrets={secret["path"]: ciphertext_of(secret) for secret in document["secrets"]},
        sequence=document["sequence"],
        event_id=document["event_id"],
        synced_at=document["synced_at"],
    )


def ciphertext_of(document: Document) -> Ciphertext:
    """Return the ciphertext a document holds as `kid` and `data`."""
    return Ciphertext(kid=document["kid"], data=bytes(document["data"]))


def route_document(stored: StoredRoute) -> Document:
    """Return a channel route's document."""
    route = stored.route
    return {
        "_id": route.id,
        **route.model_dump(exclude={"id", "filter"}),
        "filter": None if route.filter is None else to_json(route.filter).decode(),
        "position": stored.position,
        "sequence": stored.sequence,
        "event_id": stored.event_id,
    }


def stored_route(document: Document) -> StoredRoute:
    """Return a channel route as it is decided about."""
    return StoredRoute(
        route=route_of(document),
        position=document["position"],
        sequence=document["sequence"],
        event_id=document["event_id"],
    )


def route_of(document: Document) -> ChannelRoute:
    """Return the channel route a document holds."""
    route_filter = document["filter"]
    return ChannelRoute.model_validate(
        {**document, "id": document["_id"], "filter": None if route_filter is None else from_json(route_filter)}
    )


def key_document(stored: StoredKey, workspace: Workspace) -> Document:
    """Return an API key's document. `last_used_at` is not in it: it is written apart."""
    key = stored.key
    return {
        "_id": key.id,
        **key.model_dump(exclude={"id", "last_used_at"}),
        "hash": stored.hash,
        "workspace_slug": workspace.slug,
        "sequence": stored.sequence,
    }


def key_of(document: Document) -> ApiKey:
    """Return the API key a document holds."""
    return ApiKey.model_validate({**document, "id": document["_id"]})


def stored_key(document: Document) -> StoredKey:
    """Return an API key as it is decided about."""
    return StoredKey(key=key_of(document), hash=document["hash"], sequence=document["sequence"])


def audit_document(entry: AuditEntry) -> Document:
    """Return an audit entry's document."""
    return {"_id": entry.id, **entry.model_dump(exclude={"id"})}


def audit_entry(document: Document) -> AuditEntry:
    """Return the audit entry a document holds."""
    return AuditEntry.model_validate({**document, "id": document["_id"]})


def command_document(command: AppliedCommand, now: datetime) -> Document:
    """Return the document of a command that is applied now."""
    return {
        "_id": command.command_id,
        "workspace_id": command.workspace_id,
        "type": command.type,
        "fingerprint": command.fingerprint,
        "record": command.record,
        "reply": command.reply_json.decode(),
        "applied_at": now,
    }


def applied_command(document: Document) -> AppliedCommand:
    """Return the applied command a document holds."""
    return AppliedCommand(
        command_id=document["_id"],
        workspace_id=document["workspace_id"],
        type=document["type"],
        fingerprint=document["fingerprint"],
        record=document["record"],
        reply_json=document["reply"].encode(),
    )
