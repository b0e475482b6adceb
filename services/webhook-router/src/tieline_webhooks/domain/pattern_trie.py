"""A trie over the tokens of patterns; every version of it stays as it was.

`find` visits the nodes that the event's tokens lead to, not the patterns. `updated` copies the nodes on one pattern's
path and shares the rest, so a version that somebody holds, in this thread or another, never changes under them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar, Union

from tieline.routing.patterns import ANY_NUMBER, ONE

from tieline_webhooks.domain.persistent import PersistentMap, with_entry, without_entry
from tieline_webhooks.domain.token_globs import TokenGlobs


class HasId(Protocol):
    """What the trie knows of a taker."""

    @property
    def id(self) -> str:
        """Unique in one trie."""
        ...


T = TypeVar("T", bound=HasId)

Takers = tuple[T, ...] | PersistentMap[T]
"""Who takes the types that lead to one place: a few as a tuple, a third of a dict's size; many by id."""

_MAX_LISTED: Final = 16

Place = Union["Node[T]", tuple[T, ...]]
"""What follows a token. A place where types only end, as most do, is its takers alone: with many routes a search mostly
waits for memory, and this is an object less to look into for each match."""


class Node(Generic[T]):
    """One token deep. Frozen once it is reachable.

    `here` take a type that ends here, `rest` one that goes on by at least one token. `children` are by literal token,
    `any_token` follows a `*`, `globs` a star within a token. `any_number` follows a `**` and stays active for all
    tokens that come; a `**` at the end is `here` and `rest` instead.
    """

    __slots__ = ("any_number", "any_token", "children", "globs", "here", "rest")

    def __init__(self) -> None:
        self.children: PersistentMap[Place[T]] = _NO_CHILDREN
        self.any_token: Place[T] | None = None
        self.any_number: Node[T] | None = None
        self.globs: TokenGlobs[Place[T]] | None = None
        self.here: Takers[T] = ()
        self.rest: Takers[T] = ()

    def twin(self) -> "Node[T]":
        """Return an equal node, which may be changed until it is reachable."""
        twin: Node[T] = Node()
        twin.children, twin.any_token, twin.any_number = self.children, self.any_token, self.any_number
        twin.globs, twin.here, twin.rest = self.globs, self.here, self.rest
        return twin

    def child(self, token: str) -> "Node[T] | None":
        """Return what follows a pattern's token; a node made on the spot where only takers are kept."""
        place: Place[T] | None
        if token == ONE:
            place = self.any_token
        elif token == ANY_NUMBER:
            place = self.any_number
        elif ONE in token:
            place = self.globs.get(token) if self.globs is not None else None
        else:
            place = self.children.get(token)
        if not isinstance(place, tuple):
            return place
        node: Node[T] = Node()
        node.here = place
        return node

    def set_child(self, token: str, child: "Node[T]") -> None:
        """Put what follows a pattern's token; an empty node takes it away. For a twin only."""
        if token == ANY_NUMBER:
            self.any_number = None if child.is_empty else child
            return
        place = None if child.is_empty else child.here if isinstance(child.here, tuple) and child.is_end else child
        if token == ONE:
            self.any_token = place
        elif ONE in token:
            globs: TokenGlobs[Place[T]] = self.globs if self.globs is not None else TokenGlobs({}, {}, {})
            globs = globs.with_value(token, place) if place is not None else globs.without_value(token)
            self.globs = globs if len(globs) else None
        elif place is not None:
            self.children = with_entry(self.children, token, place)
        else:
            self.children = without_entry(self.children, token)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is here or below."""
        return not self.here and self.is_end

    @property
    def is_end(self) -> bool:
        """Whether no type goes on from here."""
        below = (self.any_token, self.any_number, self.globs)
        return not (self.rest or self.children) and all(part is None for part in below)


_NO_CHILDREN: Final[dict[str, Any]] = {}
NOTHING: Final[Node[Any]] = Node()


def find(root: Node[T], tokens: Sequence[str]) -> list[T]:
    """Return the takers of a type, in no particular order; one can be there several times."""
    found: list[T] = []
    reached: list[Place[T]] = [root]
    floating: dict[Node[T], None] = {}  # what follows a `**`: reached again with every token to come
    for token in tokens:
        following: list[Place[T]] = []
        for node in reached:  # grows on the way: what follows a `**` is reached with the same token
            if not isinstance(node, Node):  # types end here, and this one goes on
                continue
            if node.rest:
                found += node.rest if isinstance(node.rest, tuple) else node.rest.values()
            child = node.children.get(token)
            if child is not None:
                following.append(child)
            if node.any_token is not None:
                following.append(node.any_token)
            if node.globs is not None:
                node.globs.add_matching(token, following)
            if node.any_number is not None and node.any_number not in floating:
                floating[node.any_number] = None
                reached.append(node.any_number)
        following += floating
        if not following:
            return found
        reached = following
    for node in reached:
        here = node.here if isinstance(node, Node) else node
        if here:
            found += here if isinstance(here, tuple) else here.values()
    return found


def updated(node: Node[T], tokens: Sequence[str], change: Callable[[Takers[T]], Takers[T]]) -> Node[T]:
    """Return the next version, with `change` applied to the takers of one pattern. Leaves no empty node behind."""
    twin = node.twin()
    if not tokens:
        twin.here = change(node.here)
    elif len(tokens) == 1 and tokens[0] in (ONE, ANY_NUMBER):
        twin.rest = change(node.rest)
        if tokens[0] == ANY_NUMBER:
            twin.here = change(node.here)
    else:
        child = updated(node.child(tokens[0]) or NOTHING, tokens[1:], change)
        twin.set_child(tokens[0], child)
    return twin


def with_taker(takers: Takers[T], taker: T) -> Takers[T]:
    """Return the takers with this one, instead of any with its id."""
    if isinstance(takers, tuple):
        listed = (*(other for other in takers if other.id != taker.id), taker)
        return listed if len(listed) <= _MAX_LISTED else {other.id: other for other in listed}
    return with_entry(takers, taker.id, taker)


def without_taker(takers: Takers[T], taker_id: str) -> Takers[T]:
    """Return the takers without this one, who may be absent."""
    if isinstance(takers, tuple):
        return tuple(other for other in takers if other.id != taker_id)
    left = without_entry(takers, taker_id)
    return left if len(left) > _MAX_LISTED // 2 else tuple(left.values())
