"""Lists and searches of integrations, from directories in memory that are brought up to date before each answer.

A workspace's sequence number tells whether its directory lacks anything; what changed since is read by an index on that
number. So an answer includes every change that was answered before it was asked, on every replica, and its cost follows
what changed and the size of the page, not the size of the workspace. The first list of a workspace reads all of it, in
steps; a directory that was not used for an hour is read anew.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tieline.registry_client import Page

from tieline_registry.domain.directory import Directory
from tieline_registry.domain.listing import ListQuery
from tieline_registry.handlers.ports import ListingStore

STEP: Final = 5_000  # integrations read at once, about
KEPT_UNUSED: Final = timedelta(hours=1)  # well below the day for which deletions are remembered


@dataclass(slots=True)
class _Kept:
    directory: Directory = field(default_factory=Directory)
    being_read: asyncio.Lock = field(default_factory=asyncio.Lock)
    used_at: float = 0.0


class ListIntegrations:
    """Answers lists. `most_entries` bounds the memory of all directories; the ones used least recently go first."""

    def __init__(self, store: ListingStore, *, most_entries: int, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._most_entries = most_entries
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def __call__(self, query: ListQuery) -> Page:
        """Return a page. Raises DatabaseUnavailableError."""
        standing = await self._store.standing(query.workspace_id)
        if standing is None:
            return Page(items=[], total=0)
        directory = await self._up_to_date(query.workspace_id, standing.sequence, standing.integrations)
        found = directory.find(query)
        by_id = await self._store.integrations(found.ids)
        end = query.offset + len(found.ids)
        return Page(
            # One that was deleted meanwhile is left out; the next page starts where this one ends all the same.
            items=[by_id[identity].integration for identity in found.ids if identity in by_id],
            total=found.total,
            next_offset=end if found.ids and end < found.total else None,
        )

    async def _up_to_date(self, workspace_id: str, sequence: int, count: int) -> Directory:
        kept = self._kept.get(workspace_id)
        if kept is None or self._monotonic() - kept.used_at > KEPT_UNUSED.total_seconds():
            kept = self._kept[workspace_id] = _Kept()
        self._kept.move_to_end(workspace_id)
        kept.used_at = self._monotonic()
        async with kept.being_read:
            if kept.directory.sequence < sequence:
                await self._read_on(kept.directory, workspace_id, sequence, count)
        self._forget_least_used()
        return kept.directory

    async def _read_on(self, directory: Directory, workspace_id: str, sequence: int, count: int) -> None:
        """Read what changed up to `sequence`, in steps of as many numbers as hold about STEP integrations.

        The last step has no upper end: what is changed again meanwhile has moved there, and must not be missed.
        """
        gone = await self._store.deleted(workspace_id, after=directory.sequence)
        step = STEP if directory.sequence else STEP * max(1, sequence // max(1, count))
        while directory.sequence < sequence:
            end = directory.sequence + step
            upto = end if end < sequence else None
            changed = await self._store.changed(workspace_id, after=directory.sequence, upto=upto)
            directory.advance(min(end, sequence), changed=changed, gone=gone)
            gone = []

    def _forget_least_used(self) -> None:
        entries = sum(len(kept.directory) for kept in self._kept.values())
        while entries > self._most_entries and len(self._kept) > 1:
            _, forgotten = self._kept.popitem(last=False)
            entries -= len(forgotten.directory)
