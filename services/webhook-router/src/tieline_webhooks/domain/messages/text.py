"""Other people's words made fit for a message: cleaned, escaped, and cut where no reader sees half a character.

Lengths are counted in UTF-16 units, the largest count that any of the platforms uses.
"""

import re
import unicodedata

ELLIPSIS = "…"
MAX_STEPS_BACK = 64  # the longest cluster worth keeping whole; longer ones are somebody's joke

Escapes = dict[int, str]
"""How single characters are written, for `str.translate`."""

NO_ESCAPES: Escapes = {}

_unprintable = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]")
_surrogate = re.compile(r"[\ud800-\udfff]")
_mention = re.compile(r"(?<!\w)@(?=\w)")
_ZERO_WIDTH_SPACE = "\u200b"
_JOINER = "\u200d"


def one_line(text: str) -> str:
    """Return the text on one line, without control characters and without marks that turn the reading direction."""
    return " ".join(several_lines(text).split())


def several_lines(text: str) -> str:
    """Return the text without control characters other than line ends, and without marks that turn the direction."""
    return _surrogate.sub("\ufffd", _unprintable.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()


def without_mentions(text: str) -> str:
    """Return the text with a zero-width space after each `@` that would otherwise call somebody. Addresses stay."""
    return _mention.sub(f"@{_ZERO_WIDTH_SPACE}", text)


def length(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def fit(text: str, limit: int, escapes: Escapes = NO_ESCAPES) -> str:
    """Return the text escaped, cut so that what is returned is at most `limit` long; the cut shows as an ellipsis."""
    escaped = text.translate(escapes)
    if length(escaped) <= limit:
        return escaped
    room, end = limit - length(ELLIPSIS), 0
    for character in text:
        room -= length(character.translate(escapes))
        if room < 0:
            break
        end += 1
    return text[: _boundary(text, end)].rstrip().translate(escapes) + ELLIPSIS if limit > 0 else ""


def _boundary(text: str, end: int) -> int:
    """Return the last place at or before `end` where two characters that people see meet; `end` if that is far back."""
    for at in range(end, max(-1, end - MAX_STEPS_BACK), -1):
        if at == 0 or not _belong_together(text, at):
            return at
    return end


def _belong_together(text: str, at: int) -> bool:
    """Return whether the code points before and at `at` are parts of one grapheme cluster (UAX 29, the usual cases)."""
    before, after = text[at - 1], text[at]
    if _JOINER in {before, after} or unicodedata.category(after).startswith("M"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True  # skin tones, and the tags that spell out regional flags
    if _is_flag_letter(before) and _is_flag_letter(after):
        return _flag_letters_before(text, at) % 2 == 1
    if "\u1160" <= after <= "\u11ff" or "\u1100" <= before <= "\u115f":
        return True  # Hangul written in parts
    return unicodedata.combining(before) == 9  # a virama joins the consonants around it


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flag_letters_before(text: str, at: int) -> int:
    start = at
    while start > 0 and _is_flag_letter(text[start - 1]):
        start -= 1
    return at - start
