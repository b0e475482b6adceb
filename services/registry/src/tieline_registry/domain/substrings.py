"""Which of many short texts contain a given text.

Texts stand in blocks of 32; each trigram has a number whose bits tell in which blocks it occurs. A search intersects
the bits of its trigrams and looks at the texts of the blocks that are left; less than a trigram looks at all of them.
With 100,000 texts of 50 characters: 0.1 ms for a rare word, 10 ms for one that all contain, 20 MB.

Bits are set when a text comes and not cleared when it goes: a stale bit costs a look, never a wrong answer.
"""

from typing import Final

BLOCK: Final = 32
GRAM: Final = 3
SEPARATOR: Final = "\0"
"""Stands between the parts of a text; whoever searches for it finds nothing, so no match spans two parts."""


class SubstringIndex:
    """Texts by id. Case is the caller's business."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._free: list[int] = []
        self._ids: list[str] = []
        self._texts: list[str] = []
        self._blocks: dict[str, int] = {}

    def put(self, identity: str, text: str) -> None:
        """Add a text, or replace the one under this id."""
        place = self._places.get(identity)
        if place is None:
            place = self._places[identity] = self._free.pop() if self._free else self._grown()
        self._ids[place], self._texts[place] = identity, text
        bit = 1 << place // BLOCK
        for gram in _grams(text):
            blocks = self._blocks.get(gram, 0)
            if not blocks & bit:
                self._blocks[gram] = blocks | bit

    def remove(self, identity: str) -> None:
        """Forget the text under this id, which is there."""
        place = self._places.pop(identity)
        self._texts[place] = ""
        self._free.append(place)

    def containing(self, needle: str) -> set[str]:
        """Return the ids of the texts that contain `needle`, which is not empty."""
        if SEPARATOR in needle:
            return set()
        found: set[str] = set()
        for number in self._candidates(needle):
            start = number * BLOCK
            texts = self._texts[start : start + BLOCK]
            found.update(self._ids[start + place] for place, text in enumerate(texts) if needle in text)
        return found

    def _candidates(self, needle: str) -> list[int]:
        if len(needle) < GRAM:
            return list(range(-(-len(self._texts) // BLOCK)))
        left = -1
        for gram in _grams(needle):
            left &= self._blocks.get(gram, 0)
        return [number for number, bit in enumerate(reversed(f"{left:b}")) if bit == "1"]

    def _grown(self) -> int:
        self._ids.append("")
        self._texts.append("")
        return len(self._ids) - 1


def _grams(text: str) -> set[str]:
    return {text[start : start + GRAM] for start in range(len(text) - GRAM + 1)}
