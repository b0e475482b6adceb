"""The registry's internal HTTP interface, as the other services call it: reading, and opening secrets.

Writes go over Kafka; reads come from here because they must be current and can be filtered by the database's indexes.
Every call proves itself with the shared service token.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self

import httpx2
from opentelemetry.trace import SpanKind
from pydantic import Field

from tieline.access import Principal, hash_key
from tieline.contracts.audit import AuditEntry
from tieline.contracts.base import Contract
from tieline.contracts.commands import ApiKey, Reply, Workspace
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.errors import RegistryUnavailableError, TielineError
from tieline.observability.tracing import span, trace_headers
from tieline.settings import InternalSettings

MOST_CONNECTIONS = 64
MOST_REBUILT: Final = 500
"""Integrations or routes that one call publishes again, or forgets, at most."""

CompactedTopic = Literal["integrations", "routes"]
"""What the registry's compacted topics tell of."""


class ResolvedKey(Contract):
    """What a key proves."""

    key_id: str
    user_id: str
    workspace_id: str
    workspace_slug: str
    permissions: list[str]


class Page(Contract):
    """One page of integrations. `total` counts all that match, `next_offset` is None on the last page."""

    items: list[Integration]
    total: int
    next_offset: int | None = None


class RoutePage(Contract):
    """One page of routes. `next_offset` and `next_after` ask for what follows, None on the last page."""

    items: list[ChannelRoute]
    total: int
    next_offset: int | None = None
    next_after: int | None = None


class AuditPage(Contract):
    """One page of the audit log, newest first. `next_before` asks for what is older, None on the last page."""

    items: list[AuditEntry]
    next_before: int | None = None


class Rotation(Contract):
    """What a call to rotate keys did. While keys remain that can be opened, call again."""

    active_kid: str
    rewrapped: int
    remaining: int = Field(description="Data keys that another master key still wraps, unopenable ones too.")
    unopenable: int = Field(description="Data keys passed over because their master key is not in the ring.")


class Rebuilt(Contract):
    """What a call to rebuild a compacted topic published. `after` says where to go on; None when all is told."""

    published: int
    after: str | None = None


class Credentials(Contract):
    """The opened secrets of one integration, by path."""

    integration: Integration
    secrets: dict[str, str] = Field(repr=False)


class RegistryRefusedError(TielineError):
    """The registry refused an internal call; the services disagree about the token or the interface."""

    def __init__(self, path: str, status: int) -> None:
        super().__init__(f"the registry answered {status} to {path}")
        self.path, self.status = path, status


class RegistryClient:
    """One pool of connections to the registry. Use as an async context manager."""

    def __init__(self, settings: InternalSettings, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._opening_token = settings.opening_tokens.sent
        self._http = httpx2.AsyncClient(
            base_url=settings.registry_url,
            headers={"authorization": f"Bearer {settings.tokens.sent}"},
            timeout=settings.timeout.total_seconds(),
            limits=httpx2.Limits(max_connections=MOST_CONNECTIONS),
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def check(self) -> str | None:
        """Return None when the registry is ready, else what is missing (a check for `Health`)."""
        try:
            answer = await self._http.get("/readyz")
        except httpx2.HTTPError as error:
            return f"the registry does not answer: {type(error).__name__}"
        return None if answer.status_code == httpx2.codes.OK else "the registry is not ready"

    async def resolve_key(self, key: str) -> Principal | None:
        """Return whom an API key proves, or None if it is unknown, expired or revoked. Only its hash travels."""
        found = await self._post("/internal/keys/resolve", {"hash": hash_key(key)})
        if found is None:
            return None
        resolved = ResolvedKey.model_validate(found)
        return Principal(
            key_id=resolved.key_id,
            user_id=resolved.user_id,
            workspace_id=resolved.workspace_id,
            workspace_slug=resolved.workspace_slug,
            permissions=frozenset(resolved.permissions),
        )

    async def find_workspace(self, reference: str) -> Workspace | None:
        """Return the workspace that `reference`, an id or a slug, names, or None."""
        found = await self._post("/internal/workspaces/find", {"reference": reference})
        return None if found is None else Workspace.model_validate(found)

    async def find_integration(self, workspace_id: str, integration_id: str) -> Integration | None:
        """Return one integration of the workspace, or None."""
        found = await self._post(
            "/internal/integrations/get", {"workspace_id": workspace_id, "integration_id": integration_id}
        )
        return None if found is None else Integration.model_validate(found)

    async def list_integrations(
        self,
        workspace_id: str,
        *,
        limit: int = 100,
        offset: int = 0,
        search: str | None = None,
        sort: Sequence[tuple[str, int]] = (("name", 1),),
        where: Mapping[str, Any] | None = None,
    ) -> Page:
        """Return a page of the workspace's integrations.

        `where` takes `enabled`, `protocol`, `provider`, `providers` (a list); `sort` field names of the canonical
        integration with 1 or -1.
        """
        found = await self._post(
            "/internal/integrations/list",
            {
                "workspace_id": workspace_id,
                "limit": limit,
                "offset": offset,
                "search": search,
                "sort": list(sort),
                "where": dict(where or {}),
            },
        )
        return Page.model_validate(found)

    async def list_routes(
        self, workspace_id: str, *, limit: int = 100, offset: int = 0, after: int | None = None
    ) -> RoutePage:
        """Return a page of the workspace's channel routes, oldest first.

        With `after`, a page's `next_after`, a page costs the same wherever it is; `offset` alone is counted through.
        """
        found = await self._post(
            "/internal/routes/list",
            {"workspace_id": workspace_id, "limit": limit, "offset": offset, "after": after},
        )
        return RoutePage.model_validate(found)

    async def list_api_keys(self, workspace_id: str) -> list[ApiKey]:
        """Return the workspace's API keys, newest first, revoked ones too."""
        found = await self._post("/internal/keys/list", {"workspace_id": workspace_id})
        return [ApiKey.model_validate(item) for item in found["items"]]

    async def list_audit(self, workspace_id: str, *, limit: int = 100, before: int | None = None) -> AuditPage:
        """Return a page of the workspace's audit log, newest first: entries whose number is below `before`."""
        found = await self._post(
            "/internal/audit/list", {"workspace_id": workspace_id, "limit": limit, "before": before}
        )
        return AuditPage.model_validate(found)

    async def find_reply(self, workspace_id: str, command_id: str) -> Reply | None:
        """Return what became of a command, or None while it is not applied (or no longer remembered)."""
        found = await self._post("/internal/commands/find", {"workspace_id": workspace_id, "command_id": command_id})
        return None if found is None else Reply.model_validate(found)

    async def open_credentials(self, workspace_id: str, integration_id: str) -> Credentials | None:
        """Return an integration with its secrets in clear, or None. Keep them in memory only, and not for long."""
        found = await self._post(
            "/internal/credentials/open",
            {"workspace_id": workspace_id, "integration_id": integration_id},
            token=self._opening_token,
        )
        return None if found is None else Credentials.model_validate(found)

    async def rotate_keys(self, *, limit: int = 1_000) -> Rotation:
        """Re-wrap up to `limit` workspaces' data keys by the active master key; safe to repeat and to kill."""
        return Rotation.model_validate(await self._done("/internal/keys/rotate", {"limit": limit}))

    async def rebuild_topic(
        self, topic: CompactedTopic, *, after: str | None = None, limit: int = MOST_REBUILT
    ) -> Rebuilt:
        """Publish up to `limit` integrations or routes as they are, with ids above `after`; safe to repeat."""
        asked = {"topic": topic, "after": after, "limit": limit}
        return Rebuilt.model_validate(await self._done("/internal/topics/rebuild", asked))

    async def forget_keys(self, topic: CompactedTopic, keys: Mapping[str, str]) -> Rebuilt:
        """Publish tombstones for those of `keys` (workspace ids by key) that no longer exist; safe to repeat."""
        asked = {"topic": topic, "keys": dict(keys)}
        return Rebuilt.model_validate(await self._done("/internal/topics/forget", asked))

    async def _done(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the decoded answer. Raises RegistryRefusedError also when the registry is too old for it."""
        found = await self._post(path, body)
        if found is None:
            raise RegistryRefusedError(path, httpx2.codes.NOT_FOUND)
        return found

    async def _post(self, path: str, body: Mapping[str, Any], *, token: str | None = None) -> Any:
        """Return the decoded answer, None for 404. Raises RegistryUnavailableError, RegistryRefusedError."""
        with span(f"POST {path}", SpanKind.CLIENT, http__request__method="POST"):
            try:
                headers = trace_headers() | ({} if token is None else {"authorization": f"Bearer {token}"})
                answer = await self._http.post(path, json=body, headers=headers)
            except httpx2.HTTPError as error:
                raise RegistryUnavailableError(f"the registry did not answer: {type(error).__name__}") from error
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise RegistryUnavailableError(f"the registry answered {answer.status_code}")
        if answer.status_code != httpx2.codes.OK:
            raise RegistryRefusedError(path, answer.status_code)
        return answer.json()
