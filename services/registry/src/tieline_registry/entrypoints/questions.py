"""What the other services ask, as `tieline.registry_client` sends it; here text is made sure to be text."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from tieline.registry_client import MOST_REBUILT, CompactedTopic

from tieline_registry.domain.listing import DEFAULT_SORT, ListQuery, SortField


class Question(BaseModel):
    """A question; anything unknown in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ResolveKey(Question):
    """Whom a key proves; the key is given as its SHA-256 in hex."""

    hash: str


class FindWorkspace(Question):
    """The workspace that has this id or slug."""

    reference: str


class GetIntegration(Question):
    """One integration of a workspace."""

    workspace_id: str
    integration_id: str


class OpenCredentials(GetIntegration):
    """One integration of a workspace with its secrets."""


class Where(Question):
    """What listed integrations have in common."""

    enabled: bool | None = None
    protocol: str | None = None
    provider: str | None = None
    providers: list[str] | None = None

    def all_providers(self) -> frozenset[str] | None:
        """Return the providers asked for, None for all."""
        both = [set(asked) for asked in (self.provider and [self.provider], self.providers) if asked is not None]
        return frozenset(set.intersection(*both)) if both else None


class ListIntegrations(Question):
    """A page of a workspace's integrations."""

    workspace_id: str
    limit: int = Field(default=100, ge=1, le=1_000)
    offset: int = Field(default=0, ge=0)
    search: str | None = None
    sort: list[tuple[SortField, Literal[1, -1]]] = Field(default=list(DEFAULT_SORT), max_length=4)
    where: Where = Where()

    def query(self) -> ListQuery:
        """Return what is asked."""
        return ListQuery(
            workspace_id=self.workspace_id,
            limit=self.limit,
            offset=self.offset,
            search=self.search or None,
            enabled=self.where.enabled,
            protocol=self.where.protocol,
            providers=self.where.all_providers(),
            sort=tuple(self.sort) or DEFAULT_SORT,
        )


class ListRoutes(Question):
    """A page of a workspace's channel routes; with `after`, `offset` only counts what came before."""

    workspace_id: str
    limit: int = Field(default=100, ge=1, le=1_000)
    offset: int = Field(default=0, ge=0)
    after: int | None = Field(default=None, ge=0)


class ListKeys(Question):
    """A workspace's API keys."""

    workspace_id: str


class FindCommand(Question):
    """What became of a command."""

    workspace_id: str
    command_id: str


class ListAudit(Question):
    """A page of a workspace's audit log."""

    workspace_id: str
    limit: int = Field(default=100, ge=1, le=1_000)
    before: int | None = None


class RotateKeys(Question):
    """Re-wrap data keys."""

    limit: int = Field(default=1_000, ge=1, le=10_000)


class RebuildTopic(Question):
    """Publish what there is again, in the order of ids."""

    topic: CompactedTopic
    after: str | None = None
    limit: int = Field(default=MOST_REBUILT, ge=1, le=MOST_REBUILT)


class ForgetKeys(Question):
    """Publish tombstones for those keys (workspace ids by key) that no longer exist."""

    topic: CompactedTopic
    keys: dict[str, str] = Field(max_length=MOST_REBUILT)
