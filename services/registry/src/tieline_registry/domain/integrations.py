"""Saving and deleting integrations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from tieline.contracts.commands import DeleteIntegration, IntegrationDraft
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id

from tieline_registry.domain.merging import ROOTS, laid_over, root_of
from tieline_registry.domain.refusals import refused
from tieline_registry.domain.state import PlainSecret, StoredIntegration, WorkspaceState, unique_of

LONGEST_NAME: Final = 512
LONGEST_PROVIDER: Final = 128

_TAKEN_AS_GIVEN: Final = (
    "display_name",
    "description",
    "category",
    "protocol",
    "status",
    "enabled",
    "endpoints",
    "apis",
    "tags",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """An integration before a draft (None: it is new) and after."""

    before: Integration | None
    after: Integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a change follows from: the command, who gave it, and when it is applied."""

    command_id: str
    issued_by: str
    now: datetime


def event_id(cause_id: str, identity: str) -> str:
    """Return the id of the event that tells of a change to `identity`: the same on every redelivery of its cause."""
    return derived_id(cause_id, "event", identity)


def save_draft(
    state: WorkspaceState,
    draft: IntegrationDraft,
    secrets: Mapping[str, PlainSecret],
    cause: Cause,
    *,
    taken: set[str],
    most: int,
) -> Saved:
    """Create or change the integration a draft is about. Raises RefusedError."""
    found = _target(state, draft)
    if found is None:
        blank = _blank(state, draft, cause, taken=taken, most=most)
        return Saved(before=None, after=_save(state, blank, draft, secrets, cause))
    if draft.if_present == "refuse":
        raise refused("name_taken", f"{found.integration.name} exists already", name=found.integration.name)
    _check_change(found.integration, draft)
    return Saved(before=found.integration, after=_save(state, found, draft, secrets, cause))


def delete(state: WorkspaceState, command: DeleteIntegration) -> Integration:
    """Delete an integration; return what it was. Raises RefusedError."""
    found = state.integrations.get(command.integration_id)
    if found is None:
        raise refused("integration_not_found", "no such integration", id=command.integration_id)
    _check_revision(found.integration, command.expected_revision)
    state.delete_integration(command.integration_id)
    return found.integration


def _target(state: WorkspaceState, draft: IntegrationDraft) -> StoredIntegration | None:
    value = draft.target.value
    match draft.target.by:
        case "id":
            return state.integrations.get(value)
        case "name":
            return state.by_name(value)
        case "unique":
            return state.by_unique(value)
        case "provider":
            return state.oldest_of(value)


def _blank(
    state: WorkspaceState, draft: IntegrationDraft, cause: Cause, *, taken: set[str], most: int
) -> StoredIntegration:
    target = draft.target
    if draft.if_absent == "refuse" or draft.expected_revision is not None:
        raise refused("integration_not_found", "no such integration", by=target.by, value=target.value)
    if state.counts.integrations >= most:
        raise refused("limit_reached", f"a workspace holds {most} integrations at most", limit=most)
    if draft.new_id in taken or draft.new_id in state.integrations:
        raise refused("invalid", "the id for the new integration is taken", new_id=draft.new_id)
    provider = draft.provider or (target.value if target.by == "provider" else None)
    if not provider:
        raise refused("invalid", "a new integration needs a provider")
    name = draft.name or (target.value if target.by == "name" else f"{provider}-{draft.new_id}")
    return StoredIntegration(
        integration=Integration(
            id=draft.new_id,
            workspace_id=state.workspace.id,
            workspace_slug=state.workspace.slug,
            name=name,
            display_name=draft.display_name or name,
            provider=provider,
            surface={"A": {"unique_identifier": target.value}} if target.by == "unique" else {},
            created_by=cause.issued_by,
            created_at=cause.now,
            updated_at=cause.now,
            revision=0,
        )
    )


def _check_change(found: Integration, draft: IntegrationDraft) -> None:
    _check_revision(found, draft.expected_revision)
    if draft.immutable_provider and draft.provider not in {None, found.provider}:
        raise refused(
            "provider_immutable",
            f"the type of {found.name} can't be changed",
            name=found.name,
            provider=found.provider,
            asked=draft.provider,
        )


def _check_revision(found: Integration, expected: int | None) -> None:
    if expected is not None and expected != found.revision:
        raise refused(
            "revision_conflict",
            f"{found.name} has changed: revision {found.revision}, not {expected}",
            name=found.name,
            revision=found.revision,
            expected=expected,
        )


def _save(
    state: WorkspaceState,
    before: StoredIntegration,
    draft: IntegrationDraft,
    secrets: Mapping[str, PlainSecret],
    cause: Cause,
) -> Integration:
    integration, all_secrets = _laid_over(before, draft, secrets, cause)
    _check_names(state, integration)
    identity = event_id(cause.command_id, integration.id)
    state.save_integration(replace(before, integration=integration, secrets=all_secrets, event_id=identity))
    return integration


def _laid_over(
    before: StoredIntegration, draft: IntegrationDraft, secrets: Mapping[str, PlainSecret], cause: Cause
) -> tuple[Integration, dict[str, Any]]:
    was = before.integration
    changes: dict[str, Any] = {name: given for name in _TAKEN_AS_GIVEN if (given := getattr(draft, name)) is not None}
    all_secrets: dict[str, Any] = {}
    for root in ROOTS:
        changes[root], of_root = laid_over(
            root,
            held=getattr(was, root),
            held_secrets=before.secrets,
            given=getattr(draft, root),
            given_secrets=secrets,
            kept=draft.keep_secrets,
            replaces=root in draft.replace,
        )
        all_secrets |= of_root
    for path in secrets:
        if root_of(path) not in ROOTS or "." not in path:
            raise refused("invalid", f"no secret can stand at {path}", path=path)
    changes |= {
        "name": draft.name or was.name,
        "provider": draft.provider or was.provider,
        "surface": was.surface
        | {letter: was.surface.get(letter, {}) | facts for letter, facts in (draft.surface or {}).items()},
        "secret_paths": sorted(all_secrets),
        "updated_at": cause.now,
        "revision": was.revision + 1,
    }
    return was.model_copy(update=changes), all_secrets


def _check_names(state: WorkspaceState, integration: Integration) -> None:
    for what, value, longest in (
        ("name", integration.name, LONGEST_NAME),
        ("display_name", integration.display_name, 2 * LONGEST_NAME),
        ("provider", integration.provider, LONGEST_PROVIDER),
        ("unique_identifier", unique_of(integration) or "", LONGEST_NAME),
    ):
        if len(value) > longest:
            raise refused("invalid", f"{what} is longer than {longest} characters", field=what)
    if _other(state.by_name(integration.name), integration):
        raise refused("name_taken", f"the name {integration.name} is taken", name=integration.name)
    unique = unique_of(integration)
    if unique is not None and _other(state.by_unique(unique), integration):
        raise refused("name_taken", f"the unique identifier {unique} is taken", unique_identifier=unique)


def _other(holder: StoredIntegration | None, integration: Integration) -> bool:
    return holder is not None and holder.integration.id != integration.id
