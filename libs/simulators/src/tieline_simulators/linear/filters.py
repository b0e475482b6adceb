"""Linear's filter objects, applied to records: comparators on values, filters on related records, `and`, `or`."""

from collections.abc import Callable, Mapping
from datetime import datetime


class InvalidFilterError(ValueError):
    """A filter's value cannot be compared with."""


def matches(record: object, wanted: Mapping[str, object]) -> bool:
    """Say whether a record satisfies a filter. Raises InvalidFilterError."""
    return all(_holds(record, name, value) for name, value in wanted.items() if value is not None)


def _holds(record: object, name: str, value: object) -> bool:
    if name in ("and", "or"):
        parts = (
            [matches(record, part) for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []
        )
        return all(parts) if name == "and" else any(parts)
    if name == "null":
        return (record is None) == bool(value)
    if not isinstance(value, Mapping) or not isinstance(record, Mapping):
        return False
    has = record.get(name)
    if isinstance(has, list):
        return _some_or_every(has, value)
    if isinstance(has, Mapping) or name in ("state", "team", "assignee"):
        return matches(has, value)
    return all(_compare(has, comparator, bound) for comparator, bound in value.items() if bound is not None)


def _some_or_every(records: list[object], wanted: Mapping[str, object]) -> bool:
    """Say whether related records satisfy a collection filter; one without `some` or `every` means some."""
    every = wanted.get("every")
    some = wanted.get("some") or {name: value for name, value in wanted.items() if name not in ("every", "some")}
    return (not isinstance(every, Mapping) or all(matches(each, every) for each in records)) and (
        not isinstance(some, Mapping) or not some or any(matches(each, some) for each in records)
    )


_COMPARATORS: dict[str, Callable[[object, object], bool]] = {
    "eq": lambda has, bound: has == bound,
    "neq": lambda has, bound: has != bound,
    "in": lambda has, bound: isinstance(bound, list) and has in bound,
    "nin": lambda has, bound: isinstance(bound, list) and has not in bound,
    "gt": lambda has, bound: _sign(has, bound) > 0,
    "gte": lambda has, bound: _sign(has, bound) >= 0,
    "lt": lambda has, bound: has is not None and _sign(has, bound) < 0,
    "lte": lambda has, bound: has is not None and _sign(has, bound) <= 0,
    "eqIgnoreCase": lambda has, bound: str(has).lower() == str(bound).lower(),
    "contains": lambda has, bound: str(bound) in str(has),
    "containsIgnoreCase": lambda has, bound: str(bound).lower() in str(has).lower(),
    "startsWith": lambda has, bound: str(has).startswith(str(bound)),
    "endsWith": lambda has, bound: str(has).endswith(str(bound)),
    "null": lambda has, bound: (has is None) == bound,
}


def _compare(has: object, comparator: str, bound: object) -> bool:
    return _COMPARATORS[comparator](has, bound)


def _sign(has: object, bound: object) -> int:
    """Return the sign of `has - bound` for numbers, and for text as moments."""
    if has is None:
        return -1
    if isinstance(has, int | float) and isinstance(bound, int | float):
        return (has > bound) - (has < bound)
    one, other = _moment(has), _moment(bound)
    return (one > other) - (one < other)


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidFilterError(f"{value} is not a date; durations are not supported here") from error
    if moment.tzinfo is None:
        raise InvalidFilterError(f"{value} has no time zone")
    return moment
