"""What a batch of commands has to be decided about: what to load first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tieline.contracts.commands import (
    CreateWorkspace,
    DeleteIntegration,
    DeleteRoute,
    IntegrationDraft,
    IssueApiKey,
    RevokeApiKey,
    SaveIntegrations,
    SaveRoute,
)

from tieline_registry.domain.decide import KnownCommand


@dataclass(slots=True)
class Wanted:
    """Ids, and pairs of workspace id and value, that the commands of a batch name."""

    workspace_ids: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)
    integration_ids: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    uniques: set[tuple[str, str]] = field(default_factory=set)
    providers: set[tuple[str, str]] = field(default_factory=set)
    route_ids: set[str] = field(default_factory=set)
    key_ids: set[str] = field(default_factory=set)
    key_hashes: set[str] = field(default_factory=set)
    changes: Counter[str] = field(default_factory=Counter)
    """How many changes of integrations the batch asks for, by workspace: so many of a provider's oldest may go."""


def wanted(commands: Iterable[KnownCommand]) -> Wanted:
    """Return what `commands` touch."""
    found = Wanted()
    for command in commands:
        found.workspace_ids.add(command.workspace_id)
        match command:
            case CreateWorkspace():
                found.slugs.add(command.slug)
        match command:
            case CreateWorkspace() | IssueApiKey() if command.key is not None:
                found.key_ids.add(command.key.key_id)
                found.key_hashes.add(command.key.hash)
            case RevokeApiKey():
                found.key_ids.add(command.key_id)
            case SaveIntegrations():
                for draft in command.drafts:
                    _add_draft(found, command.workspace_id, draft)
            case DeleteIntegration():
                found.integration_ids.add(command.integration_id)
                found.changes[command.workspace_id] += 1
            case SaveRoute():
                found.route_ids |= {command.route_id, *filter(None, [command.fallback_route_id])}
            case DeleteRoute():
                found.route_ids.add(command.route_id)
    return found


def _add_draft(found: Wanted, workspace_id: str, draft: IntegrationDraft) -> None:
    found.changes[workspace_id] += 1
    found.integration_ids.add(draft.new_id)
    if draft.name is not None:
        found.names.add((workspace_id, draft.name))
    unique = (draft.surface or {}).get("A", {}).get("unique_identifier")
    if isinstance(unique, str):
        found.uniques.add((workspace_id, unique))
    value = draft.target.value
    match draft.target.by:
        case "id":
            found.integration_ids.add(value)
        case "name":
            found.names.add((workspace_id, value))
        case "unique":
            found.uniques.add((workspace_id, value))
        case "provider":
            found.providers.add((workspace_id, value))
