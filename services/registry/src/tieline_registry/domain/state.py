"""What the registry knows of a workspace while it decides: the part of it that a batch of commands touches.

Everything is loaded before the first decision, changed in memory, and saved as a whole. `sequence` counts the changes
of a workspace: each saved or deleted thing takes the next number, and saving succeeds only if the number in the
database is still the one that was loaded. So two registries can't both build on the same state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tieline.contracts.commands import ApiKey, Workspace
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.secrets.envelope import Ciphertext


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSecret:
    """A secret value on its way from its seal to its encryption at rest; in memory only."""

    value: str = field(repr=False)


Secret = PlainSecret | Ciphertext


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredIntegration:
    """An integration with its secrets by path.

    `event_id` is the id of the event that tells of its present state, `synced_at` when its last sync run ended.
    """

    integration: Integration
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    sequence: int = 0
    event_id: str = ""
    synced_at: datetime | None = None

    @property
    def unique(self) -> str | None:
        """Return surface A's unique identifier."""
        return unique_of(self.integration)


def unique_of(integration: Integration) -> str | None:
    """Return surface A's unique identifier of an integration, if it has one."""
    value = integration.surface.get("A", {}).get("unique_identifier")
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRoute:
    """A channel route, with the id of the event that tells of its present state.

    `position`, by which routes are listed, counts the routes that its workspace has ever had.
    """

    route: ChannelRoute
    position: int = 0
    sequence: int = 0
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An API key with the hash it is looked up by."""

    key: ApiKey
    hash: str
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A workspace's data key as it is stored: its id, and the key itself wrapped by a master key."""

    kid: str
    wrapped: Ciphertext


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of each a workspace has, and how many routes it has ever had."""

    integrations: int = 0
    routes: int = 0
    api_keys: int = 0
    routes_ever: int = 0


@dataclass(slots=True)
class Changes:
    """What differs from the database, by id: what is new or was replaced, and the numbers of deletions."""

    created: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    deleted: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Changes":
        """Return a copy to go on with."""
        return Changes(set(self.created), set(self.replaced), dict(self.deleted))

    def note_saved(self, identity: str, *, is_new: bool) -> None:
        """Note that something is new or changed."""
        if is_new:
            self.created.add(identity)
        elif identity not in self.created:
            self.replaced.add(identity)

    def note_deleted(self, identity: str, sequence: int) -> None:
        """Note that something is gone."""
        self.created.discard(identity)
        self.replaced.discard(identity)
        self.deleted[identity] = sequence


@dataclass(slots=True, kw_only=True)
class WorkspaceState:
    """One workspace, as far as it is loaded, with the changes decided so far."""

    workspace: Workspace
    is_new: bool = False
    data_key: WrappedKey | None = None
    loaded_sequence: int = 0
    sequence: int = 0
    counts: Counts = Counts()
    integrations: dict[str, StoredIntegration] = field(default_factory=dict)
    routes: dict[str, StoredRoute] = field(default_factory=dict)
    api_keys: dict[str, StoredKey] = field(default_factory=dict)
    integration_changes: Changes = field(default_factory=Changes)
    renamed: set[str] = field(default_factory=set)
    """Integrations whose name or unique identifier was changed: their old ones may be another's by now."""
    route_changes: Changes = field(default_factory=Changes)
    key_changes: Changes = field(default_factory=Changes)
    _names: dict[str, str] = field(default_factory=dict)
    _uniques: dict[str, str] = field(default_factory=dict)

    def copy(self) -> "WorkspaceState":
        """Return a copy for a command that may be refused half way."""
        return replace(
            self,
            integrations=dict(self.integrations),
            routes=dict(self.routes),
            api_keys=dict(self.api_keys),
            integration_changes=self.integration_changes.copy(),
            renamed=set(self.renamed),
            route_changes=self.route_changes.copy(),
            key_changes=self.key_changes.copy(),
            _names=dict(self._names),
            _uniques=dict(self._uniques),
        )

    @property
    def is_changed(self) -> bool:
        """Tell whether anything is to be saved."""
        return self.is_new or self.sequence != self.loaded_sequence

    # Loading: what the database holds.

    def hold_integration(self, stored: StoredIntegration) -> None:
        """Take in an integration as it is in the database."""
        self.integrations[stored.integration.id] = stored
        self._names[stored.integration.name] = stored.integration.id
        if stored.unique is not None:
            self._uniques[stored.unique] = stored.integration.id

    # Looking up.

    def by_name(self, name: str) -> StoredIntegration | None:
        """Return the integration of this name."""
        return self.integrations.get(self._names.get(name, ""))

    def by_unique(self, unique: str) -> StoredIntegration | None:
        """Return the integration with this unique identifier."""
        return self.integrations.get(self._uniques.get(unique, ""))

    def oldest_of(self, provider: str) -> StoredIntegration | None:
        """Return the integration of a provider that was created first."""
        of_provider = (held for held in self.integrations.values() if held.integration.provider == provider)
        return min(of_provider, key=lambda held: (held.integration.created_at, held.integration.id), default=None)

    # Changing.

    def save_integration(self, stored: StoredIntegration) -> None:
        """Create or replace an integration."""
        identity = stored.integration.id
        before = self.integrations.get(identity)
        if before is None:
            self.counts = replace(self.counts, integrations=self.counts.integrations + 1)
        else:
            self._forget_names(before)
            if (before.integration.name, before.unique) != (stored.integration.name, stored.unique):
                self.renamed.add(identity)
        self.hold_integration(replace(stored, sequence=self._next()))
        self.integration_changes.note_saved(identity, is_new=before is None)

    def delete_integration(self, identity: str) -> None:
        """Delete an integration with its secrets."""
        self._forget_names(self.integrations.pop(identity))
        self.counts = replace(self.counts, integrations=self.counts.integrations - 1)
        self.integration_changes.note_deleted(identity, self._next())

    def save_route(self, stored: StoredRoute) -> None:
        """Create or replace a route."""
        identity = stored.route.id
        before = self.routes.get(identity)
        is_new = before is None
        if before is None:
            ever = self.counts.routes_ever + 1
            self.counts = replace(self.counts, routes=self.counts.routes + 1, routes_ever=ever)
        position = self.counts.routes_ever if before is None else before.position
        self.routes[identity] = replace(stored, position=position, sequence=self._next())
        self.route_changes.note_saved(identity, is_new=is_new)

    def delete_route(self, identity: str) -> None:
        """Delete a route."""
        del self.routes[identity]
        self.counts = replace(self.counts, routes=self.counts.routes - 1)
        self.route_changes.note_deleted(identity, self._next())

    def save_workspace(self, workspace: Workspace) -> None:
        """Change what is said of the workspace itself."""
        self.workspace = workspace
        self._next()

    def save_api_key(self, stored: StoredKey) -> None:
        """Create or replace an API key."""
        identity = stored.key.id
        is_new = identity not in self.api_keys
        if is_new:
            self.counts = replace(self.counts, api_keys=self.counts.api_keys + 1)
        self.api_keys[identity] = replace(stored, sequence=self._next())
        self.key_changes.note_saved(identity, is_new=is_new)

    def _forget_names(self, stored: StoredIntegration) -> None:
        self._names.pop(stored.integration.name, None)
        if stored.unique is not None:
            self._uniques.pop(stored.unique, None)

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence


@dataclass(slots=True, kw_only=True)
class WorkingSet:
    """The workspaces that a batch of commands touches, by id.

    `taken` are ids, and hashes of keys, that belong to other workspaces: nothing new may take them.
    """

    workspaces: dict[str, WorkspaceState] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def by_slug(self, slug: str) -> WorkspaceState | None:
        """Return the workspace with this slug."""
        return next((state for state in self.workspaces.values() if state.workspace.slug == slug), None)
