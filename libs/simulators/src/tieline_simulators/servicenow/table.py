"""Incident rows, kept small, with an index by (sys_updated_on, sys_id) for incremental reads.

A row is a tuple in the order of `columns`; equal strings are shared, so 120,000 rows of 36 columns take about 100 MB.
A query that bounds `sys_updated_on` and orders by it costs two bisections and the page; any other scans the table, and
its result is kept (the last eight) for the pages that follow.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from tieline_simulators.servicenow.query import Clause, Query, Test

UPDATED, SYS_ID = "sys_updated_on", "sys_id"
BY_INDEX = (((UPDATED, False),), ((UPDATED, False), (SYS_ID, False)))
BY_INDEX_BACKWARDS = (((UPDATED, True),), ((UPDATED, True), (SYS_ID, True)))
KEPT_RESULTS = 8
BOUNDS = frozenset({">=", ">", "<=", "<", "="})

Row = tuple[str, ...]
Key = tuple[str, str]

_LAST = chr(0x10FFFF)  # sorts after every sys_id
FIRST_CHARACTER = "\0"
FIRST: Key = ("", "")
AFTER_LAST: Key = (_LAST, "")


class Found:
    """The rows of a query in order: how many, and any slice of them."""

    def __init__(self, keys: Sequence[Sequence[Key]], rows: Mapping[str, Row]) -> None:
        self._stretches = keys
        self._rows = rows
        self.total = sum(len(stretch) for stretch in keys)

    def page(self, offset: int, limit: int) -> list[Row]:
        """Return up to `limit` rows from `offset`."""
        page: list[Row] = []
        for stretch in self._stretches:
            if offset < len(stretch):
                wanted = islice(stretch, offset, offset + limit - len(page))
                page += [self._rows[sys_id] for _, sys_id in wanted]
            offset = max(0, offset - len(stretch))
            if len(page) >= limit:
                break
        return page


class Table:
    """One table. Rows are put by sys_id."""

    def __init__(self, records: Iterable[Mapping[str, str]] = ()) -> None:
        self.columns: dict[str, int] = {SYS_ID: 0, UPDATED: 1}
        """Position by name."""
        self._rows: dict[str, Row] = {}
        self._index: list[Key] = []
        self._strings: dict[str, str] = {}
        self._results: OrderedDict[Query, Found] = OrderedDict()
        for record in records:
            row = self._row(record)
            self._rows[row[0]] = row
        self._strings.clear()
        self._index = sorted((row[1], sys_id) for sys_id, row in self._rows.items())

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, sys_id: str) -> Row | None:
        """Return a row, None if there is none."""
        return self._rows.get(sys_id)

    def value(self, row: Row, column: str) -> str:
        """Return a row's value, empty where it has none."""
        position = self.columns[column]
        return row[position] if position < len(row) else ""

    def record(self, row: Row) -> dict[str, str]:
        """Return a row by column name."""
        return {column: self.value(row, column) for column in self.columns}

    def put(self, record: Mapping[str, str]) -> None:
        """Insert a row, or replace the one with the same sys_id."""
        self.remove(record[SYS_ID])
        row = self._row(record)
        self._strings.clear()
        self._rows[row[0]] = row
        key = (row[1], row[0])
        self._index.insert(bisect_left(self._index, key), key)
        self._results.clear()

    def remove(self, sys_id: str) -> None:
        """Remove a row if it is there."""
        row = self._rows.pop(sys_id, None)
        if row is not None:
            del self._index[bisect_left(self._index, (row[1], sys_id))]
            self._results.clear()

    def find(self, query: Query) -> Found:
        """Return what a query finds."""
        if query not in self._results:
            self._results[query] = self._find(query)
            if len(self._results) > KEPT_RESULTS:
                self._results.popitem(last=False)
        self._results.move_to_end(query)
        return self._results[query]

    def _row(self, record: Mapping[str, str]) -> Row:
        for column in record:
            self.columns.setdefault(column, len(self.columns))
        share = self._strings.setdefault
        values = (record.get(column, "") for column in self.columns)
        return tuple(share(value, value) for value in values)

    def _find(self, query: Query) -> Found:
        parts = [self._part(group) for group in query.groups]
        bisected = ((bisect_left(self._index, part.low), bisect_left(self._index, part.high)) for part in parts)
        keys: list[Sequence[Key]] = [self._index[low:high] for low, high in _merged(bisected)]
        if any(part.tests for part in parts):
            keys = [[key for stretch in keys for key in stretch if any(self._holds(key, part) for part in parts)]]
        if query.order in BY_INDEX_BACKWARDS:
            keys = [stretch[::-1] for stretch in reversed(keys)]
        elif query.order not in BY_INDEX:
            ordered = [key for stretch in keys for key in stretch]
            for column, descending in reversed(query.order):
                ordered.sort(key=partial(self._sort_value, column), reverse=descending)
            keys = [ordered]
        return Found(keys, self._rows)

    def _sort_value(self, column: str, key: Key) -> str:
        return self.value(self._rows[key[1]], column)

    def _part(self, group: Sequence[Clause]) -> "_Part":
        """Return the stretch of the index that the group's bounds allow, and the tests that remain for its rows."""
        low, high = FIRST, AFTER_LAST
        tests: list[list[tuple[int, Test]]] = []
        for bound in (clause[0] for clause in group if len(clause) == 1 and clause[0].field == UPDATED):
            low = max(low, (bound.value, "") if bound.operator in (">=", "=") else FIRST)
            low = max(low, (bound.value, _LAST) if bound.operator == ">" else FIRST)
            high = min(high, (bound.value, _LAST) if bound.operator in ("<=", "=") else AFTER_LAST)
            high = min(high, (bound.value, "") if bound.operator == "<" else AFTER_LAST)
        one_second = low[0] == high[0]
        for clause in group:
            first = clause[0]
            if len(clause) == 1 and first.field == UPDATED and first.operator in BOUNDS:
                continue
            if len(clause) == 1 and first.field == SYS_ID and first.operator == ">" and one_second:
                low = max(low, (low[0], first.value + FIRST_CHARACTER))  # the keyset form: same second, further on
                continue
            tests.append([(self.columns[condition.field], condition.test()) for condition in clause])
        return _Part(low, high, tests)

    def _holds(self, key: Key, part: "_Part") -> bool:
        if not part.low <= key < part.high:
            return False
        row = self._rows[key[1]]
        return all(
            any(test(row[position] if position < len(row) else "") for position, test in clause)
            for clause in part.tests
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """One group of a query: from `low` up to but without `high`, and alternatives of (position, test)."""

    low: Key
    high: Key
    tests: list[list[tuple[int, Test]]]


def _merged(stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Return disjoint stretches in order, joining those that touch."""
    ordered = sorted(stretch for stretch in stretches if stretch[0] < stretch[1])
    current: tuple[int, int] | None = None
    for low, high in ordered:
        if current is None:
            current = (low, high)
        elif low <= current[1]:
            current = (current[0], max(current[1], high))
        else:
            yield current
            current = (low, high)
    if current is not None:
        yield current
