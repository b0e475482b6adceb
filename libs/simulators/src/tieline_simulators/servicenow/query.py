"""Encoded queries: `active=true^priority=1^ORpriority=2^NQstate=6^ORDERBYsys_updated_on`.

`^` is AND, `^OR` adds an alternative to the condition before it, `^NQ` starts a query of its own whose rows are
added. As in ServiceNow, what cannot be understood (an unknown field or operator, a date that is none) is left out in
silence, so that *more* rows come back.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

DATE_FIELDS = frozenset(
    {"sys_updated_on", "sys_created_on", "opened_at", "closed_at", "resolved_at", "due_date", "reopened_time"}
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_GENERATED_DATE = re.compile(r"javascript:gs\.dateGenerate\('(\d{4}-\d\d-\d\d)','(\d\d:\d\d:\d\d)'\)")
_ORDER = re.compile(r"ORDERBY(DESC)?([a-z_][a-z0-9_.]*)")
_CONDITION = re.compile(
    r"([a-z_][a-z0-9_.]*?)"
    r"(>=|<=|!=|=|>|<|STARTSWITH|ENDSWITH|NOT LIKE|LIKE|NOT IN|IN|BETWEEN|ISEMPTY|ISNOTEMPTY)"
    r"(.*)",
    re.DOTALL,
)

Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `value` is as written; dates are in full."""

    field: str
    operator: str
    value: str

    def test(self) -> Test:
        """Return the comparison as a function of a row's value."""
        return _TESTS[self.operator](self.value)


Clause = tuple[Condition, ...]
"""Alternatives: one of them must hold."""


@dataclass(frozen=True, slots=True)
class Query:
    """Rows for which in one of the groups every clause holds, in an order of (field, descending)."""

    groups: tuple[tuple[Clause, ...], ...] = ((),)
    order: tuple[tuple[str, bool], ...] = ()


def parse(encoded: str, fields: Collection[str]) -> Query:
    """Read an encoded query over a table with these fields. Never raises: what is invalid is left out."""
    groups: list[list[list[Condition]]] = [[]]
    order: list[tuple[str, bool]] = []
    for part in encoded.split("^"):
        if match := _ORDER.fullmatch(part):
            if match[2] in fields:
                order.append((match[2], bool(match[1])))
            continue
        text, joins_previous = part, False
        if part.startswith("NQ"):
            groups.append([])
            text = part[2:]
        elif part.startswith("OR"):
            text, joins_previous = part[2:], True
        condition = _condition(text, fields)
        if condition is None:
            continue
        if joins_previous and groups[-1]:
            groups[-1][-1].append(condition)
        else:
            groups[-1].append([condition])
    return Query(tuple(tuple(tuple(clause) for clause in group) for group in groups), tuple(order))


def _condition(text: str, fields: Collection[str]) -> Condition | None:
    match = _CONDITION.fullmatch(text)
    if match is None or match[1] not in fields:
        return None
    field, operator, value = match.groups()
    if field in DATE_FIELDS and operator in (">=", "<=", ">", "<", "="):
        value = _date(value) or ("" if operator == "=" and not value else "invalid")
        if value == "invalid":
            return None
    return Condition(field, operator, value)


def _date(value: str) -> str | None:
    if generated := _GENERATED_DATE.fullmatch(value):
        return f"{generated[1]} {generated[2]}"
    if not _DATE.fullmatch(value):
        return None
    return value if len(value) == 19 else f"{value} 00:00:00"


def _between(value: str) -> Test:
    low, _, high = value.partition("@")
    return lambda has: has != "" and _compare(has, low) >= 0 and _compare(has, high) <= 0


def _among(value: str) -> Test:
    return frozenset(value.split(",")).__contains__


def _not_among(value: str) -> Test:
    excluded = frozenset(value.split(","))
    return lambda has: has not in excluded


_TESTS: dict[str, Callable[[str], Test]] = {
    "=": lambda value: lambda has: has == value,
    "!=": lambda value: lambda has: has != value,
    ">=": lambda value: lambda has: _compare(has, value) >= 0,
    "<=": lambda value: lambda has: has != "" and _compare(has, value) <= 0,
    ">": lambda value: lambda has: _compare(has, value) > 0,
    "<": lambda value: lambda has: has != "" and _compare(has, value) < 0,
    "LIKE": lambda value: lambda has: value in has,
    "NOT LIKE": lambda value: lambda has: value not in has,
    "STARTSWITH": lambda value: lambda has: has.startswith(value),
    "ENDSWITH": lambda value: lambda has: has.endswith(value),
    "IN": _among,
    "NOT IN": _not_among,
    "BETWEEN": _between,
    "ISEMPTY": lambda _: lambda has: has == "",
    "ISNOTEMPTY": lambda _: lambda has: has != "",
}


def _compare(has: str, value: str) -> int:
    """Return the sign of `has - value`: as numbers where both are, else as text."""
    if has.isdecimal() and value.isdecimal():
        return (int(has) > int(value)) - (int(has) < int(value))
    return (has > value) - (has < value)
