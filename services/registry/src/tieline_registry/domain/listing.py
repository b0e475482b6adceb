"""Which integrations a list asks for, and in which order."""

from dataclasses import dataclass
from typing import Final, Literal

SortField = Literal["name", "display_name", "provider", "protocol", "status", "enabled", "created_at", "updated_at"]

DEFAULT_SORT: Final[tuple[tuple[SortField, Literal[1, -1]], ...]] = (("name", 1),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A page of a workspace's integrations.

    `search` is text that name, display name or provider contains, upper and lower case alike. `providers` None is all.
    `sort` are fields with 1 or -1, the most important first; equal ones are ordered by id.
    """

    workspace_id: str
    limit: int = 100
    offset: int = 0
    search: str | None = None
    enabled: bool | None = None
    protocol: str | None = None
    providers: frozenset[str] | None = None
    sort: tuple[tuple[SortField, Literal[1, -1]], ...] = DEFAULT_SORT
