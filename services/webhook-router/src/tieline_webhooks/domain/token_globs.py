"""Pattern tokens with a star inside (`trig*`, `*alert`, `a*b*c`), looked up by an event's token.

A glob is kept under its outline: head, longest middle part, tail. A lookup cuts the outlines of every shape that occurs
here, which is three lengths, out of the event's token. So it costs by the length of the token and the number of shapes,
not by the number of globs; only those that differ in nothing but shorter middle parts are compared one by one.
"""

from typing import Generic, TypeVar

from tieline_webhooks.domain.globs import Glob
from tieline_webhooks.domain.persistent import PersistentMap, with_entry, without_entry

Value = TypeVar("Value")

_Shape = tuple[int, int, int]
_Alike = dict[str, tuple[Glob, Value]]  # by the token as the pattern has it


class TokenGlobs(Generic[Value]):
    """Values by pattern token. Never changed once built."""

    __slots__ = ("_by_outline", "_counts", "_shapes")

    def __init__(self, by_outline: PersistentMap[_Alike[Value]], counts: dict[_Shape, int]) -> None:
        self._by_outline, self._counts = by_outline, counts
        self._shapes = tuple(sorted(counts, key=sum))

    def get(self, token: str) -> Value | None:
        """Return the value under a pattern's token; None if absent."""
        alike = self._by_outline.get(_outline(Glob.parse(token)))
        return alike[token][1] if alike is not None and token in alike else None

    def add_matching(self, token: str, found: list[Value]) -> None:
        """Append the value of every glob that matches an event's token."""
        length = len(token)
        for shape in self._shapes:
            head, middle, tail = shape
            if head + middle + tail > length:
                return
            for outline in _cut(token, shape):
                alike = self._by_outline.get(outline)
                if alike is not None:
                    found += [value for glob, value in alike.values() if len(glob.middles) < 2 or glob.matches(token)]

    def __len__(self) -> int:
        return sum(self._counts.values())

    def with_value(self, token: str, value: Value) -> "TokenGlobs[Value]":
        """Return the next version, with this value under a pattern's token."""
        glob = Glob.parse(token)
        outline = _outline(glob)
        alike = self._by_outline.get(outline) or {}
        by_outline = with_entry(self._by_outline, outline, {**alike, token: (glob, value)})
        return TokenGlobs(by_outline, self._counts if token in alike else _counted(self._counts, _shape(glob), 1))

    def without_value(self, token: str) -> "TokenGlobs[Value]":
        """Return the next version, without the token; the same one if it is not there."""
        glob = Glob.parse(token)
        outline = _outline(glob)
        alike = self._by_outline.get(outline) or {}
        if token not in alike:
            return self
        left = {kept: entry for kept, entry in alike.items() if kept != token}
        by_outline = with_entry(self._by_outline, outline, left) if left else without_entry(self._by_outline, outline)
        return TokenGlobs(by_outline, _counted(self._counts, _shape(glob), -1))


def _longest_middle(glob: Glob) -> str:
    return max(glob.middles, key=len, default="")


def _outline(glob: Glob) -> str:
    return f"{glob.head}*{_longest_middle(glob)}*{glob.tail}"


def _shape(glob: Glob) -> _Shape:
    return len(glob.head), len(_longest_middle(glob)), len(glob.tail)


def _cut(token: str, shape: _Shape) -> set[str]:
    """Return the outlines of this shape that the token has; equal ones once."""
    head, middle, tail = shape
    end = len(token) - tail
    starts = range(head, end - middle + 1) if middle else (head,)
    return {f"{token[:head]}*{token[at : at + middle]}*{token[end:]}" for at in starts}


def _counted(counts: dict[_Shape, int], shape: _Shape, change: int) -> dict[_Shape, int]:
    changed = {**counts, shape: counts.get(shape, 0) + change}
    return {kept: count for kept, count in changed.items() if count}
