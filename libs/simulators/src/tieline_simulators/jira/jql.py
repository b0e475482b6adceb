"""A subset of JQL: comparisons joined by AND, OR, NOT and parentheses, then ORDER BY.

Other than ServiceNow, Jira refuses what it does not understand.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIELDS = frozenset(
    {
        "assignee",
        "created",
        "id",
        "issuetype",
        "key",
        "priority",
        "project",
        "resolution",
        "status",
        "summary",
        "updated",
    }
)
DATES = frozenset({"created", "updated"})
NUMBERED = frozenset({"id", "key"})
_TOKEN = re.compile(r"""\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(>=|<=|!=|!~|[=<>~(),])|([^\s=<>~!(),"']+))""")
_RELATIVE = re.compile(r"([-+]?\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMATS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")

Values = Callable[[str], object]
"""Gives an issue's value for a field: text, a datetime for dates, None for empty."""
Test = Callable[[Values], bool]


class JqlError(ValueError):
    """The query cannot be understood; the message is for people."""


@dataclass(frozen=True, slots=True)
class Search:
    """A condition, None when there is none, and an order of (field, descending)."""

    condition: Test | None
    order: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool

    def word(self) -> str:
        return "" if self.quoted else self.text.lower()


def parse(query: str, *, now: datetime, utc_offset: timedelta) -> Search:
    """Read a query; dates without a zone are in the user's. Raises JqlError."""
    return _Parser(_tokens(query), now, utc_offset).search()


def _tokens(query: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    text = query.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise JqlError(f"Error in the JQL Query: The character '{text[position]}' is not expected here.")
        quoted, symbol, word = match.groups()
        tokens.append(_Token(re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted else symbol or word, bool(quoted)))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent; OR binds less than AND, NOT most."""

    def __init__(self, tokens: list[_Token], now: datetime, utc_offset: timedelta) -> None:
        self._tokens = tokens
        self._at = 0
        self._now = now
        self._utc_offset = utc_offset

    def search(self) -> Search:
        condition = None if self._peek() in ("", "order") else self._either()
        order = self._order() if self._peek() == "order" else ()
        if self._at < len(self._tokens):
            raise JqlError(f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{self._next().text}'.")
        return Search(condition, order)

    def _either(self) -> Test:
        alternatives = [self._both()]
        while self._peek() == "or":
            self._next()
            alternatives.append(self._both())
        return lambda values: any(test(values) for test in alternatives)

    def _both(self) -> Test:
        parts = [self._one()]
        while self._peek() == "and":
            self._next()
            parts.append(self._one())
        return lambda values: all(test(values) for test in parts)

    def _one(self) -> Test:
        if self._peek() == "not":
            self._next()
            negated = self._one()
            return lambda values: not negated(values)
        if self._peek() == "(":
            self._next()
            inner = self._either()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        field = self._field()
        operator = self._next().text.lower()
        if operator == "is":
            negated = self._peek() == "not"
            if negated:
                self._next()
            if self._next().text.lower() not in ("empty", "null"):
                raise JqlError("Error in the JQL Query: 'is' takes EMPTY or NULL.")
            return lambda values: (values(field) is None) != negated
        if operator in ("in", "not"):
            if operator == "not":
                self._expect("in")
            wanted = self._list(field)
            return lambda values: (_lower(values(field)) in wanted) != (operator == "not")
        return self._compare(field, operator)

    def _compare(self, field: str, operator: str) -> Test:
        value = self._value(field)
        if operator == "=":
            return lambda values: _lower(values(field)) == value
        if operator == "!=":
            return lambda values: values(field) is not None and _lower(values(field)) != value
        if operator in ("~", "!~") and field == "summary":
            return lambda values: (str(value) in str(_lower(values(field)))) != (operator == "!~")
        if operator in (">", ">=", "<", "<=") and field in DATES | NUMBERED:
            return lambda values: _ordered(values(field), operator, value)
        raise JqlError(f"The operator '{operator}' is not supported by the '{field}' field.")

    def _list(self, field: str) -> list[object]:
        self._expect("(")
        wanted = [self._value(field)]
        while self._peek() == ",":
            self._next()
            wanted.append(self._value(field))
        self._expect(")")
        return wanted

    def _value(self, field: str) -> object:
        token = self._next()
        if field in DATES:
            return self._date(field, token.text)
        if field in NUMBERED:
            number_of(token.text)
        return token.text.lower()

    def _date(self, field: str, text: str) -> datetime:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        if relative := _RELATIVE.fullmatch(text):
            return self._now + timedelta(**{_UNITS[relative[2]]: int(relative[1])})
        for form in _FORMATS:
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC) - self._utc_offset
            except ValueError:
                continue
        raise JqlError(
            f"Date value '{text}' for field '{field}' is invalid. "
            "Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', '-5d'."
        )

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._next()
        self._expect("by")
        order: list[tuple[str, bool]] = []
        while True:
            field = self._field()
            descending = self._peek() == "desc"
            if self._peek() in ("asc", "desc"):
                self._next()
            order.append((field, descending))
            if self._peek() != ",":
                return tuple(order)
            self._next()

    def _field(self) -> str:
        name = self._next().text.lower()
        if name not in FIELDS:
            raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")
        return name

    def _peek(self) -> str:
        return self._tokens[self._at].word() if self._at < len(self._tokens) else ""

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise JqlError("Error in the JQL Query: The query ends too early.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, word: str) -> None:
        token = self._next()
        if token.word() != word:
            raise JqlError(f"Error in the JQL Query: Expecting '{word}' but got '{token.text}'.")


def number_of(identifier: str) -> int:
    """Return the number of an id or of a key such as SHOP-12. Raises JqlError."""
    number = identifier.rpartition("-")[2]
    if not number.isdecimal():
        raise JqlError(f"The issue key '{identifier}' is invalid.")
    return int(number)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _ordered(has: object, operator: str, value: object) -> bool:
    if isinstance(has, datetime) and isinstance(value, datetime):
        sign = (has > value) - (has < value)
    elif isinstance(has, str) and isinstance(value, str):
        sign = (number_of(has) > number_of(value)) - (number_of(has) < number_of(value))
    else:
        return False
    return {">": sign > 0, ">=": sign >= 0, "<": sign < 0, "<=": sign <= 0}[operator]
