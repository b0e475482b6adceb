"""What one alternative of a content filter asks of a scalar: a string, number, boolean or null.

Arguments are plain JSON values; `content_filter` has checked that, and their size.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeGuard

from tieline.errors import PermanentError
from tieline.routing.globs import Glob
from tieline.routing.patterns import fold

Path = tuple[str | int, ...]
Literal = tuple[str, object]
Test = Callable[[object], bool]
TextTest = Callable[[str], bool]
_Bound = tuple[str, int | float]


class InvalidFilterError(PermanentError, ValueError):
    """A content filter that the language does not have.

    `path` is the JSON pointer (RFC 6901) of the part that is wrong, empty for the whole. Also a ValueError, so that a
    pydantic field reports it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = pointer(path), reason
        super().__init__(f"content filter, {self.path or 'top level'}: {reason}")


def pointer(path: Path) -> str:
    """Return the path as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def literal(scalar: object) -> Literal:
    """Return what scalars are compared by: to Python 1 equals True, to a filter it does not."""
    if isinstance(scalar, str):
        return "string", scalar
    if _is_number(scalar):
        return "number", scalar
    return "constant", scalar


def only_entry(entries: Mapping[str, object], path: Path) -> tuple[str, object]:
    """Return the one entry of an operator's object. Raises InvalidFilterError."""
    if len(entries) != 1:
        raise InvalidFilterError(path, "must hold exactly one operator")
    return next(iter(entries.items()))


def compile_test(name: str, argument: object, path: Path) -> Test:
    """Return the test of `{name: argument}`, `path` being the argument's. Raises InvalidFilterError."""
    if name == "numeric":
        return _numeric(argument, path)
    if name == "anything-but":
        return _anything_but(argument, path)
    if name not in _TEXT_TESTS:
        raise InvalidFilterError(path, f"unknown operator, not one of {', '.join(OPERATORS)}")
    test = _text_test(name, argument, path)
    return lambda scalar: isinstance(scalar, str) and test(scalar)


def _anything_but(argument: object, path: Path) -> Test:
    if isinstance(argument, Mapping):
        name, wanted = only_entry(argument, path)
        if name not in _TEXT_TESTS:
            raise InvalidFilterError((*path, name), f"not one of {', '.join(_TEXT_TESTS)}")
        tests = [_text_test(name, text, at) for at, text in _one_or_more(wanted, (*path, name))]
        return lambda scalar: not (isinstance(scalar, str) and any(test(scalar) for test in tests))
    refused: set[Literal] = set()
    for at, value in _one_or_more(argument, path):
        if isinstance(value, Mapping | list):
            raise InvalidFilterError(at, "must be a string, number, boolean or null")
        refused.add(literal(value))
    return lambda scalar: literal(scalar) not in refused


def _one_or_more(argument: object, path: Path) -> Iterator[tuple[Path, object]]:
    if not isinstance(argument, list):
        yield path, argument
        return
    if not argument:
        raise InvalidFilterError(path, "must not be empty")
    for number, value in enumerate(argument):
        yield (*path, number), value


def _numeric(argument: object, path: Path) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise InvalidFilterError(path, 'must be like [">=", 5] or [">=", 5, "<", 10]')
    bounds = [_bound(argument, at, path) for at in range(0, len(argument), 2)]
    if len(bounds) == 2:
        _check_range(bounds[0], bounds[1], path)
    comparisons = [(_COMPARISONS[sign], number) for sign, number in bounds]
    return lambda scalar: _is_number(scalar) and all(compare(scalar, number) for compare, number in comparisons)


def _bound(argument: list[object], at: int, path: Path) -> _Bound:
    sign, number = argument[at], argument[at + 1]
    if not (isinstance(sign, str) and sign in _COMPARISONS):
        raise InvalidFilterError((*path, at), f"must be one of {' '.join(_COMPARISONS)}")
    if not _is_number(number):
        raise InvalidFilterError((*path, at + 1), "must be a number")
    return sign, number


def _check_range(lower: _Bound, upper: _Bound, path: Path) -> None:
    if lower[0] not in (">", ">=") or upper[0] not in ("<", "<="):
        raise InvalidFilterError(path, "a range is a lower bound, > or >=, then an upper one, < or <=")
    if lower[1] > upper[1] or (lower[1] == upper[1] and (lower[0], upper[0]) != (">=", "<=")):
        raise InvalidFilterError(path, "no number is in this range")


def _text_test(name: str, argument: object, path: Path) -> TextTest:
    if not isinstance(argument, str):
        raise InvalidFilterError(path, "must be a string")
    if not argument:
        raise InvalidFilterError(path, "must not be empty")
    return _TEXT_TESTS[name](argument, path)


def _prefix(wanted: str, _: Path) -> TextTest:
    return lambda text: text.startswith(wanted)


def _suffix(wanted: str, _: Path) -> TextTest:
    return lambda text: text.endswith(wanted)


def _equals_ignore_case(wanted: str, _: Path) -> TextTest:
    folded = fold(wanted)
    return lambda text: fold(text) == folded


def _wildcard(wanted: str, path: Path) -> TextTest:
    parts = [""]
    for piece in _WILDCARD_PIECE.findall(wanted):
        if piece == "*":
            parts.append("")
        elif piece == "\\":
            raise InvalidFilterError(path, "a backslash goes before a star or a backslash")
        else:
            parts[-1] += piece.removeprefix("\\")
    return Glob.of(parts).matches if len(parts) > 1 else lambda text: text == parts[0]


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


_WILDCARD_PIECE: Final = re.compile(r"\\[*\\]|.", re.DOTALL)
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXT_TESTS: Final[Mapping[str, Callable[[str, Path], TextTest]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
}
OPERATORS: Final = ("exists", "anything-but", "numeric", *_TEXT_TESTS)
