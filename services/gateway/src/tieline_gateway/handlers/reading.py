"""Reading lists from the registry, page by page where a published document knows no pages."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.registry_client import Page, RoutePage

PAGE = 200  # items per call to the registry

ItemT = TypeVar("ItemT")
ItemT_co = TypeVar("ItemT_co", covariant=True)


class Registry(Protocol):
    """The registry's read side."""

    async def list_integrations(
        self,
        workspace_id: str,
        *,
        limit: int,
        offset: int,
        sort: Sequence[tuple[str, int]],
        where: Mapping[str, Any] | None,
    ) -> Page:
        """Return one page of integrations."""
        ...

    async def list_routes(self, workspace_id: str, *, limit: int, offset: int, after: int | None) -> RoutePage:
        """Return one page of routes."""
        ...


class _Page(Protocol[ItemT_co]):
    @property
    def items(self) -> Sequence[ItemT_co]: ...
    @property
    def total(self) -> int: ...
    @property
    def next_offset(self) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Generic[ItemT]):
    """Some items of a list: `total` counts all, `next_offset` is None when there are none behind these.

    `next_after` finds those behind without counting through the list, where the list can do that.
    """

    items: Sequence[ItemT]
    total: int
    next_offset: int | None
    next_after: int | None = None


async def integrations(
    registry: Registry, workspace_id: str, *, limit: int, offset: int = 0, where: Mapping[str, Any] | None = None
) -> Window[Integration]:
    """Return up to `limit` integrations of the workspace from `offset` on, oldest first."""

    async def page(at: int, size: int) -> Page:
        return await registry.list_integrations(
            workspace_id, limit=size, offset=at, sort=(("created_at", 1),), where=where
        )

    return await _window(page, limit=limit, offset=offset)


async def integrations_of(
    registry: Registry, workspace_id: str, providers: Sequence[str], *, most_each: int = 100
) -> Sequence[Integration]:
    """Return the workspace's integrations of `providers`: at least the `most_each` oldest of each.

    One question for a workspace of common size; a large one is asked by provider, so that many of one hide no other.
    """
    found = await integrations(registry, workspace_id, limit=PAGE, where={"providers": list(providers)})
    if found.next_offset is None:
        return found.items
    windows = await asyncio.gather(
        *(integrations(registry, workspace_id, limit=most_each, where={"provider": one}) for one in providers)
    )
    return [one for window in windows for one in window.items]


async def routes(
    registry: Registry, workspace_id: str, *, limit: int, offset: int = 0, after: int | None = None
) -> Window[ChannelRoute]:
    """Return up to `limit` routes of the workspace, oldest first, from `offset` on or behind a `next_after`."""
    behind = after

    async def page(at: int, size: int) -> RoutePage:
        nonlocal behind
        found = await registry.list_routes(workspace_id, limit=size, offset=at, after=behind)
        behind = found.next_after
        return found

    return replace(await _window(page, limit=limit, offset=offset), next_after=behind)


async def _window(page: Callable[[int, int], Awaitable[_Page[ItemT]]], *, limit: int, offset: int) -> Window[ItemT]:
    items: list[ItemT] = []
    at: int | None = offset
    total = 0
    while at is not None and len(items) < limit:
        found = await page(at, min(PAGE, limit - len(items)))
        items.extend(found.items)
        total, at = found.total, found.next_offset
    return Window(items=items, total=total, next_offset=at)
