"""The integrations of one workspace in memory, as far as lists need them: to filter, search and order, not to show.

A page costs about the same with a thousand integrations as with a hundred thousand: orders are kept sorted, filters are
sets, text is indexed by its trigrams, and total counts are lengths. Only text that most of a large workspace contains
costs more, in proportion to its hits; they are remembered for the pages that follow.

Not safe for concurrent use; nothing in here waits.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from tieline_registry.domain.listing import ListQuery, SortField
from tieline_registry.domain.substrings import SEPARATOR, SubstringIndex

MOST_REMEMBERED: Final = 2  # searches, until the next change
FEW: Final = 8  # below one in so many, sorting what matches is faster than walking the whole order


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What lists need of an integration."""

    id: str
    name: str
    display_name: str
    provider: str
    protocol: str
    status: str
    enabled: bool
    created_at: datetime
    updated_at: datetime

    @property
    def text(self) -> str:
        """Return what is searched."""
        return SEPARATOR.join((self.name, self.display_name, self.provider)).casefold()


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of one page, in order, and how many match in all."""

    ids: Sequence[str]
    total: int


class Directory:
    """All integrations of a workspace up to the change numbered `sequence`."""

    def __init__(self) -> None:
        self.sequence = 0
        self._entries: dict[str, Entry] = {}
        self._texts = SubstringIndex()
        self._having: dict[tuple[str, Any], set[str]] = {}
        self._orders: dict[SortField, list[tuple[Any, str]]] = {}
        self._remembered: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def advance(self, sequence: int, *, changed: Iterable[Entry], gone: Iterable[str]) -> None:
        """Take in what changed since; the same change may come again."""
        self._remembered.clear()
        for identity in gone:
            self._forget(identity)
        for entry in changed:
            self._forget(entry.id)
            self._note(entry)
        self.sequence = sequence

    def find(self, query: ListQuery) -> Found:
        """Return the page that `query` asks for. A search with a NUL in it finds nothing."""
        matching = self._matching(query)
        total = len(self._entries) if matching is None else len(matching)
        if query.offset >= total:
            return Found(ids=(), total=total)
        return Found(ids=self._page(query, matching), total=total)

    # Matching.

    def _matching(self, query: ListQuery) -> set[str] | None:
        """Return the ids of what matches, None for all."""
        sets = []
        if query.enabled is not None:
            sets.append(self._having.get(("enabled", query.enabled), set()))
        if query.protocol is not None:
            sets.append(self._having.get(("protocol", query.protocol), set()))
        if query.providers is not None:
            of_providers = [self._having.get(("provider", provider), set()) for provider in query.providers]
            sets.append(of_providers[0] if len(of_providers) == 1 else set().union(*of_providers))
        if query.search:
            sets.append(self._containing(query.search.casefold()))
        if len(sets) < 2:
            return sets[0] if sets else None
        return set.intersection(*sorted(sets, key=len))

    def _containing(self, needle: str) -> set[str]:
        found = self._remembered.get(needle)
        if found is None:
            found = self._texts.containing(needle)
            while len(self._remembered) >= MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[needle] = found
        return found

    # Ordering.

    def _page(self, query: ListQuery, matching: set[str] | None) -> Sequence[str]:
        (first, direction), *others = query.sort
        start, end = query.offset, query.offset + query.limit
        if others:
            return self._sorted_by_all(query, self._entries if matching is None else matching)[start:end]
        if matching is None:
            return _slice(self._order(first), start, end, reverse=direction < 0)
        if len(matching) * FEW < len(self._entries):
            key = _key_of(first)
            few = sorted((key(self._entries[identity]), identity) for identity in matching)
            return _slice(few, start, end, reverse=direction < 0)
        order = self._order(first)
        walked = order if direction > 0 else reversed(order)
        return list(islice((identity for _, identity in walked if identity in matching), start, end))

    def _sorted_by_all(self, query: ListQuery, ids: Iterable[str]) -> list[str]:
        entries = sorted((self._entries[identity] for identity in ids), key=attrgetter("id"))
        for name, direction in reversed(query.sort):
            entries.sort(key=_key_of(name), reverse=direction < 0)
        return [entry.id for entry in entries]

    def _order(self, name: SortField) -> list[tuple[Any, str]]:
        order = self._orders.get(name)
        if order is None:
            key = _key_of(name)
            order = self._orders[name] = sorted((key(entry), entry.id) for entry in self._entries.values())
        return order

    # Changing.

    def _note(self, entry: Entry) -> None:
        self._entries[entry.id] = entry
        self._texts.put(entry.id, entry.text)
        for fact in _facts(entry):
            self._having.setdefault(fact, set()).add(entry.id)
        for name, order in self._orders.items():
            insort(order, (_key_of(name)(entry), entry.id))

    def _forget(self, identity: str) -> None:
        entry = self._entries.pop(identity, None)
        if entry is None:
            return
        self._texts.remove(identity)
        for fact in _facts(entry):
            self._having[fact].discard(identity)
        for name, order in self._orders.items():
            del order[bisect_left(order, (_key_of(name)(entry), identity))]


def _facts(entry: Entry) -> tuple[tuple[str, Any], ...]:
    return ("enabled", entry.enabled), ("protocol", entry.protocol), ("provider", entry.provider)


def _key_of(name: SortField) -> Callable[[Entry], Any]:
    return attrgetter(name)


def _slice(order: Sequence[tuple[Any, str]], start: int, end: int, *, reverse: bool) -> list[str]:
    if not reverse:
        return [identity for _, identity in order[start:end]]
    return [identity for _, identity in order[max(len(order) - end, 0) : len(order) - start][::-1]]
