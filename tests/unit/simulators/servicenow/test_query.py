from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tieline_simulators.servicenow.query import Query, parse
from tieline_simulators.servicenow.table import Table

ROWS: list[dict[str, str]] = [
    {
        "sys_id": f"{number:02d}",
        "number": f"INC{number}",
        "sys_updated_on": updated,
        "priority": priority,
        "state": state,
    }
    for number, (updated, priority, state) in enumerate(
        [
            ("2026-01-01 00:00:00", "1", "New"),
            ("2026-01-01 00:00:01", "2", "New"),
            ("2026-01-01 00:00:01", "3", "On Hold"),
            ("2026-01-01 00:00:01", "10", "Closed"),
            ("2026-01-02 00:00:00", "2", ""),
        ]
    )
]


def found(query: str, rows: list[dict[str, str]] = ROWS) -> list[str]:
    table = Table(rows)
    result = table.find(parse(query, table.columns))
    return [row[0] for row in result.page(0, len(rows) + 1)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["00", "01", "02", "03", "04"]),
        ("priority=2", ["01", "04"]),
        ("priority!=2", ["00", "02", "03"]),
        ("priority=2^state=New", ["01"]),
        ("priority=1^ORpriority=3", ["00", "02"]),
        ("state=New^priority=1^ORpriority=3", ["00"]),
        ("priority=1^NQpriority=3", ["00", "02"]),
        ("priority>=3", ["02", "03"]),
        ("priority<3", ["00", "01", "04"]),
        ("priorityBETWEEN2@3", ["01", "02", "04"]),
        ("priorityIN1,10", ["00", "03"]),
        ("priorityNOT IN1,10", ["01", "02", "04"]),
        ("stateLIKEHold", ["02"]),
        ("stateNOT LIKEe", ["02", "04"]),
        ("stateSTARTSWITHC", ["03"]),
        ("stateENDSWITHd", ["02", "03"]),
        ("stateISEMPTY", ["04"]),
        ("stateISNOTEMPTY^priority=2", ["01"]),
        ("sys_updated_on>2026-01-01 00:00:01", ["04"]),
        ("sys_updated_on>=2026-01-01 00:00:01", ["01", "02", "03", "04"]),
        ("sys_updated_on<2026-01-02", ["00", "01", "02", "03"]),
        ("sys_updated_on=2026-01-01 00:00:01^state=New", ["01"]),
        ("sys_updated_on>=javascript:gs.dateGenerate('2026-01-02','00:00:00')", ["04"]),
        ("sys_updated_on>2026-01-01 00:00:01^NQsys_updated_on=2026-01-01 00:00:01^sys_id>02", ["03", "04"]),
        ("ORDERBYDESCnumber", ["04", "03", "02", "01", "00"]),
        ("ORDERBYDESCsys_updated_on", ["04", "03", "02", "01", "00"]),
        ("ORDERBYpriority^ORDERBYDESCsys_id", ["00", "03", "04", "01", "02"]),
        # what cannot be understood is left out, so more comes back
        ("colour=red", ["00", "01", "02", "03", "04"]),
        ("priority=2^colour=red", ["01", "04"]),
        ("priority~2", ["00", "01", "02", "03", "04"]),
        ("sys_updated_on>=yesterday", ["00", "01", "02", "03", "04"]),
        ("ORDERBYcolour", ["00", "01", "02", "03", "04"]),
        ("^^", ["00", "01", "02", "03", "04"]),
    ],
)
def test_query_finds(query: str, expected: list[str]) -> None:
    assert found(query) == expected


MOMENTS = st.integers(0, 9).map(lambda second: f"2026-01-01 00:00:{second:02d}")
RECORDS = st.lists(st.tuples(MOMENTS, st.sampled_from("123"), st.sampled_from(("New", "Closed", ""))), max_size=30).map(
    lambda rows: [
        {"sys_id": f"{number * 37 % 101:03d}", "sys_updated_on": updated, "priority": priority, "state": state}
        for number, (updated, priority, state) in enumerate(rows)
    ]
)
CONDITIONS = st.one_of(
    st.tuples(st.just("sys_updated_on"), st.sampled_from((">=", ">", "<=", "<", "=")), MOMENTS),
    st.tuples(st.just("sys_id"), st.just(">"), st.integers(0, 100).map(lambda number: f"{number:03d}")),
    st.tuples(st.just("priority"), st.sampled_from(("=", "!=", ">")), st.sampled_from("123")),
).map("".join)
QUERIES = st.tuples(
    st.lists(st.tuples(st.sampled_from(("^", "^OR", "^NQ")), CONDITIONS).map("".join), max_size=5).map("".join),
    st.sampled_from(("", "^ORDERBYsys_updated_on^ORDERBYsys_id", "^ORDERBYDESCsys_updated_on^ORDERBYDESCsys_id")),
)


def naive(query: Query, rows: list[dict[str, str]], *, backwards: bool) -> list[str]:
    def holds(row: Mapping[str, str]) -> bool:
        return any(
            all(any(each.test()(row[each.field]) for each in clause) for clause in group) for group in query.groups
        )

    matching = sorted((row["sys_updated_on"], row["sys_id"]) for row in rows if holds(row))
    return [sys_id for _, sys_id in (reversed(matching) if backwards else matching)]


@given(RECORDS, QUERIES, st.integers(0, 12), st.integers(1, 7))
@settings(max_examples=150)
def test_index_finds_what_looking_at_every_row_finds(
    rows: list[dict[str, str]], query: tuple[str, str], offset: int, limit: int
) -> None:
    conditions, order = query
    table = Table(rows)
    parsed = parse((conditions + order).lstrip("^"), table.columns) if rows else Query()
    expected = naive(parsed, rows, backwards="DESC" in order)

    result = table.find(parsed)

    assert result.total == len(expected)
    assert [row[0] for row in result.page(offset, limit)] == expected[offset : offset + limit]


@given(RECORDS, RECORDS)
@settings(max_examples=50)
def test_rows_put_later_are_found_like_rows_loaded(before: list[dict[str, str]], after: list[dict[str, str]]) -> None:
    table = Table(before)
    for row in after:
        table.find(parse("ORDERBYsys_updated_on", table.columns))
        table.put(row)

    merged = {row["sys_id"]: row for row in [*before, *after]}
    result = table.find(parse("ORDERBYsys_updated_on^ORDERBYsys_id", table.columns))
    assert [row[0] for row in result.page(0, 100)] == [
        sys_id for _, sys_id in sorted((row["sys_updated_on"], row["sys_id"]) for row in merged.values())
    ]
