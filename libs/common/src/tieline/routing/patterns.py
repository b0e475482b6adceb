"""The pattern language over event types: parsing, validation, and matching one pattern.

Grammar (`docs/routing.md` has it for users):

* an event type and a pattern are tokens joined by dots; letter case and Unicode composition do not count
* `*` is exactly one token, or any run of characters within one (`incident.trig*`); as the last token it is one or more
  tokens, so `*` alone is every event
* `**` is any number of tokens, none included
* `!` in front takes away from what the rest of a route's list matches
* a route's list separates its patterns by commas or blanks

A token of a pattern is letters, digits and combining marks of any script, `_ - : /` and `*`. An event type may hold any
character; a star reaches those that a pattern can't spell.
"""

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tieline.errors import PermanentError
from tieline.routing.globs import Glob

ONE: Final = "*"
ANY_NUMBER: Final = "**"
EXCLUDES: Final = "!"

MAX_PATTERN_CHARS: Final = 256
MAX_TOKENS: Final = 16
MAX_PATTERNS: Final = 32
MAX_LIST_CHARS: Final = MAX_PATTERNS * (MAX_PATTERN_CHARS + len(", "))

_ITEM = re.compile(r"[^\s,]+")
_NOT_A_WORD_CHARACTER = re.compile(r"[^\w\-:/*]")


class InvalidPatternError(PermanentError, ValueError):
    """A pattern, or a route's list of them, that the language does not have.

    `pattern` is the whole text that was parsed and `position` the 0-based index in it where it stops making sense
    (its length when something is missing at the end). Also a ValueError, so that a pydantic field reports it.
    """

    def __init__(self, pattern: str, reason: str, position: int) -> None:
        shown = pattern if len(pattern) <= MAX_PATTERN_CHARS else pattern[:MAX_PATTERN_CHARS] + "…"
        super().__init__(f"pattern {shown!r}, position {position}: {reason}")
        self.pattern, self.reason, self.position = pattern, reason, position


class _Wild(Enum):
    """Steps that look at no character."""

    ONE = "exactly one token"
    ANY_NUMBER = "any number of tokens"


_Step = str | Glob | _Wild


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern, folded. Equal patterns are written alike; `**.**` is `**`."""

    tokens: tuple[str, ...]
    excluded: bool = False
    _steps: tuple[_Step, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_steps", _steps(self.tokens))

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Return the pattern. Raises InvalidPatternError."""
        return _parsed(text, 0, len(text))

    @property
    def text(self) -> str:
        """The canonical spelling; parsing it gives an equal pattern."""
        return (EXCLUDES if self.excluded else "") + ".".join(self.tokens)

    def matches(self, event_type: str) -> bool:
        """Say whether the tokens match; `!` is for the list to apply."""
        return self.matches_tokens(tokens_of(event_type))

    def matches_tokens(self, tokens: Sequence[str]) -> bool:
        """As `matches`, for a type that `tokens_of` took apart.

        On a dead end only the last `**` takes one token more: an earlier one can't help, because the steps between
        them were already met as early as possible. So the cost is at most tokens times steps.
        """
        steps = self._steps
        at = step = 0
        retry_at, retry_step = 0, -1
        while at < len(tokens):
            if step < len(steps) and steps[step] is _Wild.ANY_NUMBER:
                retry_at, retry_step = at, step + 1
                step += 1
            elif step < len(steps) and _takes(steps[step], tokens[at]):
                at, step = at + 1, step + 1
            elif retry_step >= 0:
                retry_at += 1
                at, step = retry_at, retry_step
            else:
                return False
        return all(rest is _Wild.ANY_NUMBER for rest in steps[step:])


@dataclass(frozen=True, slots=True)
class RoutePatterns:
    """What one route asks for: an event of which a name matches an include and no name matches an exclude.

    An event has several names where its sender's own differs from ours: `incident.triggered` is also
    `pagerduty.incident.triggered`.
    """

    includes: tuple[Pattern, ...]
    excludes: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "RoutePatterns":
        """Return the patterns of a route's `eventType`, such as `sentry.*, !sentry.issue.resolved`.

        Excludes alone mean everything but those. Repeated patterns count once. Raises InvalidPatternError.
        """
        if len(text) > MAX_LIST_CHARS:
            raise InvalidPatternError(text, f"more than {MAX_LIST_CHARS} characters", MAX_LIST_CHARS)
        found: dict[Pattern, None] = {}
        for count, item in enumerate(_ITEM.finditer(text)):
            if count == MAX_PATTERNS:
                raise InvalidPatternError(text, f"more than {MAX_PATTERNS} patterns", item.start())
            found[_parsed(text, item.start(), item.end())] = None
        if not found:
            raise InvalidPatternError(text, "no pattern", len(text))
        includes = tuple(pattern for pattern in found if not pattern.excluded)
        return cls(includes or (Pattern((ONE,)),), tuple(pattern for pattern in found if pattern.excluded))

    @property
    def text(self) -> str:
        """The canonical spelling, includes first."""
        return ", ".join(pattern.text for pattern in (*self.includes, *self.excludes))

    def matches(self, names: Iterable[str]) -> bool:
        """Say whether an event with these names is asked for."""
        tokens = [tokens_of(name) for name in names]
        return first_match(self.includes, tokens) is not None and first_match(self.excludes, tokens) is None


def fold(text: str) -> str:
    """Return the text with letter case and Unicode composition made alike."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def tokens_of(event_type: str) -> list[str]:
    """Return the folded tokens of an event type; there is always at least one, perhaps empty."""
    return fold(event_type).split(".")


def first_match(patterns: Iterable[Pattern], names: Iterable[Sequence[str]]) -> Pattern | None:
    """Return the first of the patterns that matches one of the names, each given as its tokens."""
    for pattern in patterns:
        for tokens in names:
            if pattern.matches_tokens(tokens):
                return pattern
    return None


def _parsed(source: str, start: int, end: int) -> Pattern:
    """Return the pattern at source[start:end]; errors point into the whole source."""
    if start == end:
        raise InvalidPatternError(source, "no pattern", start)
    if end - start > MAX_PATTERN_CHARS:
        raise InvalidPatternError(source, f"more than {MAX_PATTERN_CHARS} characters", start + MAX_PATTERN_CHARS)
    excluded = source.startswith(EXCLUDES, start)
    at = start + len(EXCLUDES) if excluded else start
    if at == end:
        raise InvalidPatternError(source, "nothing after '!'", end)
    tokens: list[str] = []
    for count, token in enumerate(source[at:end].split(".")):
        if count == MAX_TOKENS:
            raise InvalidPatternError(source, f"more than {MAX_TOKENS} tokens", at)
        _check_token(source, token, at)
        at += len(token) + len(".")
        if not (token == ANY_NUMBER and tokens and tokens[-1] == ANY_NUMBER):
            tokens.append(sys.intern(fold(token)))  # routes share a small vocabulary
    return Pattern(tuple(tokens), excluded)


def _check_token(source: str, token: str, at: int) -> None:
    if not token:
        raise InvalidPatternError(source, "empty token", at)
    for strange in _NOT_A_WORD_CHARACTER.finditer(token):
        character = strange.group()
        if character == EXCLUDES:
            raise InvalidPatternError(source, "'!' stands only in front", at + strange.start())
        if not unicodedata.category(character).startswith("M"):
            raise InvalidPatternError(source, f"character {character!r} is not allowed", at + strange.start())
    if ANY_NUMBER in token and token != ANY_NUMBER:
        raise InvalidPatternError(source, "'**' must be a token of its own", at + token.index(ANY_NUMBER))


def _steps(tokens: tuple[str, ...]) -> tuple[_Step, ...]:
    steps = [_step(token) for token in tokens]
    if tokens[-1] == ONE:
        steps.append(_Wild.ANY_NUMBER)
    return tuple(steps)


def _step(token: str) -> _Step:
    if token == ONE:
        return _Wild.ONE
    if token == ANY_NUMBER:
        return _Wild.ANY_NUMBER
    return Glob.parse(token) if ONE in token else token


def _takes(step: _Step, token: str) -> bool:
    if isinstance(step, str):
        return step == token
    return step is _Wild.ONE or (isinstance(step, Glob) and step.matches(token))
