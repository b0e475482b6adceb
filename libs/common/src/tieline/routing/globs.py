"""A text with stars, each any run of characters, none included.

Used within a token of an event pattern and by the content filter's `wildcard`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glob:
    """The literal parts around the stars; `a*b*c` is head `a`, middles `("b",)`, tail `c`.

    Taking each middle at its first place is right because whatever follows may start anywhere behind it; so a match
    is one `str.find` per part and can't backtrack, whatever a tenant writes.
    """

    head: str
    middles: tuple[str, ...]
    tail: str

    @classmethod
    def parse(cls, text: str) -> "Glob":
        """Return the glob of a text in which every `*` is a star; there is at least one."""
        return cls.of(text.split("*"))

    @classmethod
    def of(cls, parts: Sequence[str]) -> "Glob":
        """Return the glob with a star between each two of `parts`, of which there are at least two."""
        return cls(parts[0], tuple(part for part in parts[1:-1] if part), parts[-1])

    def matches(self, text: str) -> bool:
        """Say whether the whole text matches; letter case counts."""
        at, end = len(self.head), len(text) - len(self.tail)
        if end < at or not text.startswith(self.head) or not text.endswith(self.tail):
            return False
        for middle in self.middles:
            found = text.find(middle, at, end)
            if found < 0:
                return False
            at = found + len(middle)
        return True
