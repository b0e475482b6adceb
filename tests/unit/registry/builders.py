"""Builders that state only what matters to a test."""

from datetime import UTC, datetime
from typing import Any

from tieline.contracts.commands import (
    CreateWorkspace,
    DeleteIntegration,
    IntegrationDraft,
    IssueApiKey,
    NewApiKey,
    RevokeApiKey,
    SaveIntegrations,
    SaveRoute,
    Target,
    Workspace,
)
from tieline.contracts.integrations import Integration
from tieline_registry.domain.decide import Decision, KnownCommand, decide
from tieline_registry.domain.limits import Limits
from tieline_registry.domain.state import PlainSecret, StoredIntegration, WorkingSet, WorkspaceState

NOW = datetime(2026, 3, 21, 14, 10, tzinfo=UTC)
WORKSPACE_ID = "00000000-0000-4000-8000-000000000001"
BASE = {"command_id": "c1", "workspace_id": WORKSPACE_ID, "issued_at": NOW, "issued_by": "user_1"}


def an_integration(**given: Any) -> Integration:
    fields = {
        "id": "i1",
        "workspace_id": WORKSPACE_ID,
        "workspace_slug": "org-acme",
        "name": "production",
        "display_name": "Production",
        "provider": "sentry",
        "created_by": "user_0",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Integration(**{**fields, **given})


def a_working_set(*integrations: Integration, secrets: dict[str, str] | None = None) -> WorkingSet:
    """A workspace with these integrations; `secrets` are those of the first."""
    state = WorkspaceState(
        workspace=Workspace(id=WORKSPACE_ID, slug="org-acme", name="Acme", created_at=NOW),
        loaded_sequence=10,
        sequence=10,
    )
    for integration in integrations:
        held = {path: PlainSecret(value=value) for path, value in (secrets or {}).items()}
        state.hold_integration(
            StoredIntegration(
                integration=integration.model_copy(update={"secret_paths": sorted(held)}), secrets=held, sequence=1
            )
        )
        secrets = None
    return WorkingSet(workspaces={WORKSPACE_ID: state})


def a_draft(**given: Any) -> IntegrationDraft:
    fields = {"target": Target(by="name", value="production"), "new_id": "new1", "provider": "sentry"}
    return IntegrationDraft(**{**fields, **given})


def by(kind: Any, value: str) -> Target:
    return Target(by=kind, value=value)


def save(*drafts: IntegrationDraft, **given: Any) -> SaveIntegrations:
    return SaveIntegrations(**{**BASE, **given}, drafts=list(drafts))


def delete(integration_id: str = "i1", **given: Any) -> DeleteIntegration:
    return DeleteIntegration(**BASE, integration_id=integration_id, **given)


def a_route(**given: Any) -> SaveRoute:
    fields = {
        **BASE,
        "route_id": "r1",
        "create": True,
        "event_type": "sentry.*",
        "channel": "slack",
        "channel_id": "C1",
    }
    return SaveRoute(**{**fields, **given})


def a_new_key(**given: Any) -> NewApiKey:
    fields = {
        "key_id": "k1",
        "name": "first",
        "hash": "h1",
        "hint": "abcd",
        "user_id": "user_1",
        "permissions": ["Integration.View"],
    }
    return NewApiKey(**{**fields, **given})


def issue(**given: Any) -> IssueApiKey:
    return IssueApiKey(**BASE, key=a_new_key(**given))


def revoke(key_id: str = "k1") -> RevokeApiKey:
    return RevokeApiKey(**BASE, key_id=key_id)


def create_workspace(**given: Any) -> CreateWorkspace:
    return CreateWorkspace(**{**BASE, "slug": "org-acme", "name": "Acme", **given})


def decided(
    working: WorkingSet, command: KnownCommand, *, secrets: dict[str, str] | None = None, limits: Limits | None = None
) -> Decision:
    """Decide a command; `secrets` are those of its first draft."""
    opened: list[dict[str, PlainSecret]] = []
    if isinstance(command, SaveIntegrations):
        opened = [{} for _ in command.drafts]
        opened[0] = {path: PlainSecret(value=value) for path, value in (secrets or {}).items()}
    return decide(working, command, opened, now=NOW, limits=limits or Limits())


def state_of(working: WorkingSet) -> WorkspaceState:
    return working.workspaces[WORKSPACE_ID]


def secrets_of(working: WorkingSet, integration_id: str) -> dict[str, str]:
    held = state_of(working).integrations[integration_id].secrets
    return {path: secret.value for path, secret in held.items() if isinstance(secret, PlainSecret)}
