"""Which routes an event's names lead to: an immutable index per workspace, and the table of all workspaces.

A match costs by the tokens of the event's names, not by the number of routes. Its answer is remembered in the index
that gave it, so it can't outlive an update. An update makes the next index, which shares all but a few nodes, and the
table swaps it in by one assignment: a match, in any thread, sees all of an update or nothing of it. `index_of` hands
out a version that stays as it is, to run over stored events elsewhere. Updates come from one thread.

Figures: `benchmarks/README.md`.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from operator import attrgetter
from typing import Final, Generic, Protocol, TypeVar, Union

from tieline.routing.patterns import Pattern, RoutePatterns, first_match, tokens_of

from tieline_webhooks.domain.pattern_trie import NOTHING, Node, find, updated, with_taker, without_taker
from tieline_webhooks.domain.persistent import PersistentMap, with_entry, without_entry

MAX_REMEMBERED: Final = 1024  # answers per workspace; a busy one has a few hundred event types
MAX_REMEMBERED_ROUTES: Final = 16_384  # routes in those answers
MAX_REMEMBERED_CHARS: Final = 256  # of an event's names: a sender may invent longer ones without end
MAX_REMEMBERED_IN_TABLE: Final = 65_536  # answers over all workspaces


class Routable(Protocol):
    """What an index knows of a route. It takes one to be unchanging: an update is another with the same id."""

    @property
    def id(self) -> str:
        """Unique over all workspaces."""
        ...

    @property
    def workspace_id(self) -> str:
        """Whose events it takes."""
        ...

    @property
    def patterns(self) -> RoutePatterns:
        """Which of them."""
        ...


R = TypeVar("R", bound=Routable)

_BY_ID: Final = attrgetter("id")


class _Guarded(Generic[R]):
    """A route with excludes, as the trie holds it: so a search looks into no other."""

    __slots__ = ("id", "route")

    def __init__(self, route: R) -> None:
        self.id, self.route = route.id, route


_Taker = Union[R, _Guarded[R]]  # noqa: UP007 - mypy takes a bound type variable on the left of `|` for a value


class RouteIndex(Generic[R]):
    """The routes of one workspace."""

    __slots__ = ("_remembered_routes", "_root", "_routes", "remembered")

    def __init__(self, root: "Node[_Taker[R]]", routes: PersistentMap[R]) -> None:
        """For `build` and `with_route`; `root` holds the takers of exactly the includes of `routes`."""
        self._root, self._routes = root, routes
        self.remembered: dict[tuple[str, ...], tuple[R, ...]] = {}
        self._remembered_routes = 0

    @classmethod
    def build(cls, routes: Iterable[R] = ()) -> "RouteIndex[R]":
        """Return the index of these routes; of two with one id the later counts."""
        index: RouteIndex[R] = cls(NOTHING, {})
        for route in routes:
            index = index.with_route(route)
        return index

    def match(self, names: tuple[str, ...]) -> tuple[R, ...]:
        """Return the routes whose patterns take an event with these names, each once, in no particular order.

        Whether a route is enabled, its project and its content filter are for `decide_matched` to look at.
        """
        known = self.remembered.get(names)
        return known if known is not None else self._remember(names, self.search(names))

    def search(self, names: tuple[str, ...]) -> tuple[R, ...]:
        """As `match`, neither looking at nor adding to what is remembered."""
        all_tokens: list[list[str]] = []
        found: list[_Taker[R]] = []
        for name in names:
            tokens = tokens_of(name)
            all_tokens.append(tokens)
            found += find(self._root, tokens)
        # By identity, because several names or patterns may find a route. To sort by id would look into all of them.
        matched: dict[int, R] = {}
        for taker in found:
            if type(taker) is _Guarded:  # half of what an `isinstance` costs that says no
                if first_match(taker.route.patterns.excludes, all_tokens) is None:
                    matched[id(taker)] = taker.route
            else:
                matched[id(taker)] = taker  # type: ignore[assignment]  # so it is a route
        return tuple(matched.values())

    def with_route(self, route: R) -> "RouteIndex[R]":
        """Return the next version, with this route instead of any with its id."""
        root = self._root
        old = self._routes.get(route.id)
        if old is not None:
            kept = set(route.patterns.includes)
            root = _without(root, old.id, (pattern for pattern in old.patterns.includes if pattern not in kept))
        taker: _Taker[R] = _Guarded(route) if route.patterns.excludes else route
        for pattern in route.patterns.includes:
            root = updated(root, pattern.tokens, partial(with_taker, taker=taker))
        return RouteIndex(root, with_entry(self._routes, route.id, route))

    def without_route(self, route_id: str) -> "RouteIndex[R]":
        """Return the next version, without the route; the same one if it is not there."""
        route = self._routes.get(route_id)
        if route is None:
            return self
        root = _without(self._root, route_id, route.patterns.includes)
        return RouteIndex(root, without_entry(self._routes, route_id))

    def get(self, route_id: str) -> R | None:
        """Return the route; None if absent."""
        return self._routes.get(route_id)

    def forget(self) -> None:
        """Drop all remembered answers."""
        self.remembered, self._remembered_routes = {}, 0

    def __len__(self) -> int:
        return len(self._routes)

    def __iter__(self) -> Iterator[R]:
        """Yield the routes by id."""
        return iter(sorted(self._routes.values(), key=_BY_ID))

    def _remember(self, names: tuple[str, ...], matched: tuple[R, ...]) -> tuple[R, ...]:
        """Return the answer, kept if it is small enough; what is full is emptied, for tracking use would cost hits."""
        if sum(map(len, names)) > MAX_REMEMBERED_CHARS or len(matched) > MAX_REMEMBERED_ROUTES:
            return matched
        routes = self._remembered_routes + len(matched)
        if len(self.remembered) >= MAX_REMEMBERED or routes > MAX_REMEMBERED_ROUTES:
            self.forget()
            routes = len(matched)
        self.remembered[names] = matched
        self._remembered_routes = routes
        return matched


class RouteTable(Generic[R]):
    """The routes of all workspaces."""

    def __init__(self, routes: Iterable[R] = ()) -> None:
        self._indexes: dict[str, RouteIndex[R]] = {}
        self._workspace_ids: dict[str, str] = {}
        self._misses = 0
        for route in routes:
            self.put(route)

    def match(self, workspace_id: str, names: tuple[str, ...]) -> tuple[R, ...]:
        """Return the workspace's routes whose patterns take an event with these names; see `RouteIndex.match`."""
        try:
            return self._indexes[workspace_id].remembered[names]
        except KeyError:  # nearly every event is a hit, which costs a fifth less than by asking with `get`
            return self._match_anew(workspace_id, names)

    def put(self, route: R) -> None:
        """Add the route, or put it in the place of the one with its id."""
        if self._workspace_ids.get(route.id, route.workspace_id) != route.workspace_id:
            self.remove(route.id)
        self._indexes[route.workspace_id] = self.index_of(route.workspace_id).with_route(route)
        self._workspace_ids[route.id] = route.workspace_id

    def remove(self, route_id: str) -> None:
        """Take the route out; an unknown one changes nothing."""
        workspace_id = self._workspace_ids.pop(route_id, None)
        if workspace_id is None:
            return
        left = self._indexes[workspace_id].without_route(route_id)
        if len(left):
            self._indexes[workspace_id] = left
        else:
            del self._indexes[workspace_id]

    def index_of(self, workspace_id: str) -> RouteIndex[R]:
        """Return the workspace's index as it is now; it never changes. Empty for a workspace without routes."""
        return self._indexes.get(workspace_id) or RouteIndex.build()

    def __len__(self) -> int:
        return len(self._workspace_ids)

    def _match_anew(self, workspace_id: str, names: tuple[str, ...]) -> tuple[R, ...]:
        """Match, and forget everything once as many answers were made as may be remembered in all."""
        index = self._indexes.get(workspace_id)
        if index is None:
            return ()
        self._misses += 1
        if self._misses > MAX_REMEMBERED_IN_TABLE:
            self._misses = 1
            for each in tuple(self._indexes.values()):
                each.forget()
        return index.match(names)


def _without(root: "Node[_Taker[R]]", route_id: str, patterns: Iterable[Pattern]) -> "Node[_Taker[R]]":
    for pattern in patterns:
        root = updated(root, pattern.tokens, partial(without_taker, taker_id=route_id))
    return root
