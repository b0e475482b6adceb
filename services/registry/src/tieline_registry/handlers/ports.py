"""What the handlers need of a database. The adapters implement these; the errors are theirs to raise."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tieline.contracts.audit import AuditEntry
from tieline.contracts.commands import ApiKey, Workspace
from tieline.contracts.integrations import Integration
from tieline.errors import TransientError
from tieline.registry_client import AuditPage, CompactedTopic, Credentials, RoutePage

from tieline_registry.domain.applied import AppliedCommand
from tieline_registry.domain.directory import Entry
from tieline_registry.domain.keys import KnownKey
from tieline_registry.domain.state import StoredIntegration, StoredRoute, WorkingSet, WrappedKey
from tieline_registry.domain.wanted import Wanted


class ConflictError(TransientError):
    """Another registry changed the same workspace meanwhile; load and decide again."""


class EventStore(Protocol):
    """What events tell of. Every call may raise DatabaseUnavailableError."""

    async def sequences(self, workspace_ids: Collection[str]) -> dict[str, int]:
        """Return the present sequence numbers of workspaces."""
        ...

    async def integrations(self, ids: Collection[str]) -> dict[str, StoredIntegration]:
        """Return integrations as they are now, by id."""
        ...

    async def routes(self, ids: Collection[str]) -> dict[str, StoredRoute]:
        """Return routes as they are now, by id."""
        ...


class IdStore(Protocol):
    """The ids of what there is. Every call may raise DatabaseUnavailableError."""

    async def ids(self, of: CompactedTopic, *, after: str | None, limit: int) -> list[str]:
        """Return up to `limit` ids above `after`, in order."""
        ...


class CommandStore(EventStore, Protocol):
    """The registry's state, as commands are applied to it. Every call may raise DatabaseUnavailableError."""

    async def applied(self, command_ids: Collection[str]) -> dict[str, AppliedCommand]:
        """Return those of the commands that have been applied, by id."""
        ...

    async def load(self, wanted: Wanted) -> WorkingSet:
        """Return the part of the state that is wanted, each workspace at one moment or such that saving it fails."""
        ...

    async def save(
        self, working: WorkingSet, commands: Sequence[AppliedCommand], entries: Sequence[AuditEntry], *, now: datetime
    ) -> None:
        """Save all changes, and the commands that made them, or nothing.

        Raises ConflictError when another registry was faster or the outcome is not known.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a workspace stands: the number of its last change, and how many integrations it has."""

    sequence: int
    integrations: int


class ListingStore(Protocol):
    """What directories are read from. Every call may raise DatabaseUnavailableError."""

    async def standing(self, workspace_id: str) -> Standing | None:
        """Return where the workspace stands, None if there is none."""
        ...

    async def changed(self, workspace_id: str, *, after: int, upto: int | None) -> list[Entry]:
        """Return the integrations whose last change has a number above `after` and up to `upto`."""
        ...

    async def deleted(self, workspace_id: str, *, after: int) -> list[str]:
        """Return the ids of integrations deleted by a change above `after`; remembered for a day."""
        ...

    async def integrations(self, ids: Collection[str]) -> dict[str, StoredIntegration]:
        """Return integrations as they are now, by id."""
        ...


class ReadStore(ListingStore, Protocol):
    """The registry's state, as it is read. Every call may raise DatabaseUnavailableError."""

    async def applied(self, command_ids: Collection[str]) -> dict[str, AppliedCommand]:
        """Return those of the commands that have been applied, by id."""
        ...

    async def find_key(self, key_hash: str) -> KnownKey | None:
        """Return the API key with this hash, expired and revoked ones too."""
        ...

    async def find_workspace(self, reference: str) -> Workspace | None:
        """Return the workspace with this id or slug."""
        ...

    async def find_integration(self, workspace_id: str, integration_id: str) -> StoredIntegration | None:
        """Return one integration of the workspace."""
        ...

    async def list_routes(self, workspace_id: str, *, limit: int, offset: int, after: int | None) -> RoutePage:
        """Return a page of channel routes, oldest first: from `offset` on, or cheaper, behind position `after`."""
        ...

    async def list_keys(self, workspace_id: str) -> list[ApiKey]:
        """Return a workspace's API keys, newest first."""
        ...

    async def open_credentials(self, workspace_id: str, integration_id: str) -> Credentials | None:
        """Return an integration with its secrets in clear. Raises UndecryptableError."""
        ...

    async def list_audit(self, workspace_id: str, *, limit: int, before: int | None) -> AuditPage:
        """Return a page of the workspace's audit log, newest first: entries whose number is below `before`."""
        ...


class KeyStore(Protocol):
    """Wrapped data keys of workspaces. Every call may raise DatabaseUnavailableError."""

    async def keys_not_under(self, master_kid: str, *, after: str | None, limit: int) -> dict[str, WrappedKey]:
        """Return up to `limit` data keys, by workspace id, that another master key wraps; ids above `after`."""
        ...

    async def replace_keys(self, keys: Sequence[tuple[str, WrappedKey, WrappedKey]]) -> None:
        """Replace wrapped keys (workspace id, old, new), each only if it is still the old one."""
        ...

    async def count_keys_not_under(self, master_kid: str) -> int:
        """Return how many data keys another master key wraps."""
        ...


class KeyWrapper(Protocol):
    """The master keys."""

    @property
    def active_kid(self) -> str:
        """Return the id of the master key that wraps what is new."""
        ...

    def rewrapped(self, key: WrappedKey, workspace_id: str) -> WrappedKey:
        """Return the same data key wrapped by the active master key. Raises UndecryptableError."""
        ...


class UseStore(Protocol):
    """Notes of uses. Every call may raise DatabaseUnavailableError."""

    async def note_key_uses(self, uses: Mapping[str, datetime]) -> None:
        """Note when API keys were used last; never moves a time back."""
        ...

    async def note_opening(self, integration: Integration, at: datetime, *, every: timedelta) -> None:
        """Add an opening to the audit log, unless one of the same stretch of time is there."""
        ...
