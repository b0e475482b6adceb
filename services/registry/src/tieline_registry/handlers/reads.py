"""Answering what the other services ask."""

from tieline.clock import Clock
from tieline.contracts.base import Contract
from tieline.contracts.commands import ApiKey, Reply, Workspace
from tieline.contracts.integrations import Integration
from tieline.registry_client import AuditPage, Credentials, ResolvedKey, RoutePage

from tieline_registry.handlers.note_uses import NoteUses
from tieline_registry.handlers.ports import ReadStore


class ApiKeys(Contract):
    """A workspace's API keys."""

    items: list[ApiKey]


class Reads:
    """Reads of the registry's state as it is now. Every call may raise DatabaseUnavailableError."""

    def __init__(self, store: ReadStore, *, clock: Clock, uses: NoteUses) -> None:
        self._store = store
        self._clock = clock
        self._uses = uses

    async def resolve_key(self, key_hash: str) -> ResolvedKey | None:
        """Return what a key proves; None if it is unknown, expired or revoked."""
        found = await self._store.find_key(key_hash)
        now = self._clock()
        if found is None or not found.is_valid(now):
            return None
        self._uses.key_used(found.key.id, now)
        return ResolvedKey(
            key_id=found.key.id,
            user_id=found.key.user_id,
            workspace_id=found.key.workspace_id,
            workspace_slug=found.workspace_slug,
            permissions=found.key.permissions,
        )

    async def find_workspace(self, reference: str) -> Workspace | None:
        """Return the workspace with this id or slug."""
        return await self._store.find_workspace(reference)

    async def find_integration(self, workspace_id: str, integration_id: str) -> Integration | None:
        """Return one integration of the workspace."""
        stored = await self._store.find_integration(workspace_id, integration_id)
        return stored.integration if stored else None

    async def list_routes(self, workspace_id: str, *, limit: int, offset: int, after: int | None) -> RoutePage:
        """Return a page of channel routes, oldest first: from `offset` on, or cheaper, behind position `after`."""
        return await self._store.list_routes(workspace_id, limit=limit, offset=offset, after=after)

    async def list_keys(self, workspace_id: str) -> ApiKeys:
        """Return a workspace's API keys, newest first, revoked ones too."""
        return ApiKeys(items=await self._store.list_keys(workspace_id))

    async def find_reply(self, workspace_id: str, command_id: str) -> Reply | None:
        """Return what became of a command."""
        applied = (await self._store.applied([command_id])).get(command_id)
        if applied is None or applied.workspace_id != workspace_id:
            return None
        return Reply.model_validate_json(applied.reply_json)

    async def open_credentials(self, workspace_id: str, integration_id: str) -> Credentials | None:
        """Return an integration with its secrets in clear. Raises UndecryptableError."""
        opened = await self._store.open_credentials(workspace_id, integration_id)
        if opened is not None:
            self._uses.credentials_opened(opened.integration, self._clock())
        return opened

    async def list_audit(self, workspace_id: str, *, limit: int, before: int | None) -> AuditPage:
        """Return a page of the workspace's audit log, newest first: entries whose number is below `before`."""
        return await self._store.list_audit(workspace_id, limit=limit, before=before)
