"""Filters on an event's data: JSON that mirrors the data, compiled once.

`docs/routing.md` has the language for users. An object asks for all of its fields, a list for any of its alternatives,
`$or` for any of its branches. Where the data has an array, any of its elements will do; where it has no object, the
fields that the filter names are absent. A match recurses only as deep as the filter and never backtracks, whatever the
data.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tieline.routing.value_tests import (
    InvalidFilterError,
    Literal,
    Path,
    Test,
    compile_test,
    literal,
    only_entry,
    pointer,
)

__all__ = ["MAX_DEPTH", "MAX_TEXT_CHARS", "MAX_VALUES", "ContentFilter", "InvalidFilterError", "compile_filter"]

MAX_DEPTH: Final = 16  # levels of JSON; the deepest fields of senders that people filter on are at six
MAX_VALUES: Final = 512  # objects, lists and scalars in one filter
MAX_TEXT_CHARS: Final = 1024  # of a field's name or a string

OR: Final = "$or"

_ABSENT: Final = object()
_NO_FIELDS: Final[Mapping[str, object]] = {}


class ContentFilter:
    """A compiled filter. Unchanging and safe to share between threads."""

    __slots__ = ("_fields",)

    def __init__(self, fields: "_Fields") -> None:
        """For `compile_filter`."""
        self._fields = fields

    def matches(self, data: object) -> bool:
        """Say whether an event with this data, a decoded JSON value, passes."""
        return self.why_not(data) is None

    def why_not(self, data: object) -> str | None:
        """Return where the data first fails, as a JSON pointer, and how; None if it passes. Holds none of the data."""
        return self._fields.objection(data)


def compile_filter(source: object) -> ContentFilter:
    """Return the filter that a decoded JSON value stands for. Raises InvalidFilterError."""
    _check_size(source)
    return ContentFilter(_fields(source, ()))


@dataclass(frozen=True, slots=True)
class _Fields:
    """All of the fields and, if there are any, one of the branches."""

    fields: tuple[tuple[str, "_Fields | _Alternatives"], ...]
    branches: tuple["_Fields", ...]
    no_branch: str

    def objection(self, value: object) -> str | None:
        """Return why no object in the value will do; if there are several, why the first will not."""
        first: str | None = None
        for candidate in _objects_in(value):
            objection = self._objection_to(candidate)
            if objection is None:
                return None
            first = first or objection
        return first

    def _objection_to(self, candidate: Mapping[str, object]) -> str | None:
        for name, wanted in self.fields:
            objection = wanted.objection(candidate.get(name, _ABSENT))
            if objection is not None:
                return objection
        if self.branches and all(branch.objection(candidate) is not None for branch in self.branches):
            return self.no_branch
        return None


@dataclass(frozen=True, slots=True)
class _Alternatives:
    """Any of the literals and tests; `exists` is about the field and not its value."""

    literals: frozenset[Literal]
    tests: tuple[Test, ...]
    exists: frozenset[bool]
    absent: str
    none_matches: str

    def objection(self, value: object) -> str | None:
        if value is _ABSENT:
            return None if False in self.exists else self.absent
        if True in self.exists or any(self._takes(scalar) for scalar in _elements_of(value)):
            return None
        return self.none_matches

    def _takes(self, element: object) -> bool:
        if isinstance(element, Mapping):
            return False
        return literal(element) in self.literals or any(test(element) for test in self.tests)


def _fields(source: object, path: Path) -> _Fields:
    if not isinstance(source, Mapping):
        raise InvalidFilterError(path, "must be an object")
    if not source:
        raise InvalidFilterError(path, "must not be empty")
    fields: list[tuple[str, _Fields | _Alternatives]] = []
    branches: tuple[_Fields, ...] = ()
    for name, wanted in source.items():
        at = (*path, name)
        if name == OR:
            branches = _branches(wanted, at)
        elif name.startswith("$"):
            raise InvalidFilterError(at, f"unknown operator; only {OR} starts with $")
        else:
            fields.append((name, _wanted(wanted, at)))
    return _Fields(tuple(fields), branches, f"{pointer((*path, OR))}: none of the branches matches")


def _branches(source: object, path: Path) -> tuple[_Fields, ...]:
    if not isinstance(source, list) or not source:
        raise InvalidFilterError(path, "must be a list of objects")
    return tuple(_fields(branch, (*path, number)) for number, branch in enumerate(source))


def _wanted(source: object, path: Path) -> _Fields | _Alternatives:
    if isinstance(source, Mapping):
        return _fields(source, path)
    if not isinstance(source, list):
        raise InvalidFilterError(path, "must be a list of alternatives, or an object")
    if not source:
        raise InvalidFilterError(path, "must not be empty")
    literals: set[Literal] = set()
    tests: list[Test] = []
    exists: set[bool] = set()
    for number, alternative in enumerate(source):
        at = (*path, number)
        if isinstance(alternative, list):
            raise InvalidFilterError(at, "must be a value or an operator")
        if not isinstance(alternative, Mapping):
            literals.add(literal(alternative))
            continue
        name, argument = only_entry(alternative, at)
        if name == "exists":
            exists.add(_boolean(argument, (*at, name)))
        else:
            tests.append(compile_test(name, argument, (*at, name)))
    return _Alternatives(
        frozenset(literals),
        tuple(tests),
        frozenset(exists),
        f"{pointer(path)}: absent",
        f"{pointer(path)}: none of the alternatives matches",
    )


def _boolean(value: object, path: Path) -> bool:
    if not isinstance(value, bool):
        raise InvalidFilterError(path, "must be true or false")
    return value


def _objects_in(value: object) -> list[Mapping[str, object]]:
    return [element for element in _elements_of(value) if isinstance(element, Mapping)] or [_NO_FIELDS]


def _elements_of(value: object) -> list[object]:
    """Return what an array holds, arrays within it opened; another value is its own only element."""
    if not isinstance(value, list):
        return [value]
    elements: list[object] = []
    left = value[::-1]
    while left:
        element = left.pop()
        if isinstance(element, list):
            left += element[::-1]
        else:
            elements.append(element)
    return elements


def _check_size(source: object) -> None:
    for count, (path, value) in enumerate(_values_in(source)):
        if count == MAX_VALUES:
            raise InvalidFilterError(path, f"more than {MAX_VALUES} values")
        if len(path) > MAX_DEPTH:
            raise InvalidFilterError(path, f"nested deeper than {MAX_DEPTH} levels")
        _check_value(value, path)


def _values_in(source: object) -> Iterator[tuple[Path, object]]:
    """Yield the value and all in it with their paths, in reading order."""
    left: list[tuple[Path, object]] = [((), source)]
    while left:
        path, value = left.pop()
        yield path, value
        inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        left += [((*path, step), part) for step, part in reversed(list(inner))]


def _check_value(value: object, path: Path) -> None:
    if isinstance(value, str | Mapping):
        for text in (value,) if isinstance(value, str) else value:
            if not isinstance(text, str):
                raise InvalidFilterError(path, "a field's name must be a string")
            if len(text) > MAX_TEXT_CHARS:
                raise InvalidFilterError(path, f"a string or name of more than {MAX_TEXT_CHARS} characters")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidFilterError(path, "must be a finite number")
    elif not (value is None or isinstance(value, int | list)):
        raise InvalidFilterError(path, "must be a JSON value")
