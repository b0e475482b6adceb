"""Pattern tokens with a star inside (`trig*`, `*alert`, `a*b*c`), looked up by an event's token.

Globs are kept by their literal parts: those of one star by head and tail, the others by head, longest middle and tail.
A lookup cuts parts of every length that occurs here out of the event's token. So it costs by the length of the token
and the number of different lengths, not by the number of globs; only globs that differ in nothing but shorter middles
are compared one by one.
"""

from typing import Generic, TypeVar

from tieline.routing.globs import Glob

from tieline_webhooks.domain.persistent import PersistentMap, with_entry, without_entry

Value = TypeVar("Value")

_Alike = dict[str, tuple[Glob, Value]]  # by the token as the pattern has it
_Lengths = tuple[int, int, int]  # of head, longest middle (0 for none) and tail


class TokenGlobs(Generic[Value]):
    """Values by pattern token. Never changed once built."""

    __slots__ = ("_by_ends", "_by_outline", "_counts", "_ends", "_outlines")

    def __init__(
        self,
        by_ends: PersistentMap[Value],
        by_outline: PersistentMap[_Alike[Value]],
        counts: dict[_Lengths, int],
    ) -> None:
        """Empty maps to begin with; `counts` says how many globs have which lengths."""
        self._by_ends, self._by_outline, self._counts = by_ends, by_outline, counts
        shortest_first = sorted(counts, key=sum)
        self._ends = tuple((head, tail) for head, middle, tail in shortest_first if not middle)
        self._outlines = tuple(lengths for lengths in shortest_first if lengths[1])

    def get(self, token: str) -> Value | None:
        """Return the value under a pattern's token; None if absent."""
        glob = Glob.parse(token)
        if not glob.middles:
            return self._by_ends.get(token)
        alike = self._by_outline.get(_outline(glob))
        return alike[token][1] if alike is not None and token in alike else None

    def add_matching(self, token: str, found: list[Value]) -> None:
        """Append the value of every glob that matches an event's token, each once."""
        length = len(token)
        for head, tail in self._ends:
            if head + tail > length:
                break
            value = self._by_ends.get(f"{token[:head]}*{token[length - tail :]}")
            if value is not None:
                found.append(value)
        for lengths in self._outlines:
            if sum(lengths) > length:
                break
            for outline in _outlines_in(token, lengths):
                alike = self._by_outline.get(outline)
                if alike is not None:
                    found += [value for glob, value in alike.values() if len(glob.middles) == 1 or glob.matches(token)]

    def __len__(self) -> int:
        return sum(self._counts.values())

    def with_value(self, token: str, value: Value) -> "TokenGlobs[Value]":
        """Return the next version, with this value under a pattern's token."""
        glob = Glob.parse(token)
        counts = self._counts if self.get(token) is not None else _counted(self._counts, _lengths(glob), 1)
        if not glob.middles:
            return TokenGlobs(with_entry(self._by_ends, token, value), self._by_outline, counts)
        outline = _outline(glob)
        alike = {**(self._by_outline.get(outline) or {}), token: (glob, value)}
        return TokenGlobs(self._by_ends, with_entry(self._by_outline, outline, alike), counts)

    def without_value(self, token: str) -> "TokenGlobs[Value]":
        """Return the next version, without the token; the same one if it is not there."""
        if self.get(token) is None:
            return self
        glob = Glob.parse(token)
        counts = _counted(self._counts, _lengths(glob), -1)
        if not glob.middles:
            return TokenGlobs(without_entry(self._by_ends, token), self._by_outline, counts)
        outline = _outline(glob)
        left = {kept: entry for kept, entry in (self._by_outline.get(outline) or {}).items() if kept != token}
        by_outline = with_entry(self._by_outline, outline, left) if left else without_entry(self._by_outline, outline)
        return TokenGlobs(self._by_ends, by_outline, counts)


def _longest_middle(glob: Glob) -> str:
    return max(glob.middles, key=len, default="")


def _lengths(glob: Glob) -> _Lengths:
    return len(glob.head), len(_longest_middle(glob)), len(glob.tail)


def _outline(glob: Glob) -> str:
    return f"{glob.head}*{_longest_middle(glob)}*{glob.tail}"


def _outlines_in(token: str, lengths: _Lengths) -> set[str]:
    """Return the outlines of these lengths that the token has; equal ones once."""
    head, middle, tail = lengths
    end = len(token) - tail
    return {f"{token[:head]}*{token[at : at + middle]}*{token[end:]}" for at in range(head, end - middle + 1)}


def _counted(counts: dict[_Lengths, int], lengths: _Lengths, change: int) -> dict[_Lengths, int]:
    changed = {**counts, lengths: counts.get(lengths, 0) + change}
    return {kept: count for kept, count in changed.items() if count}
