from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_simulators.jira.jql import JqlError, parse

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ISSUE: dict[str, object] = {
    "id": "20012",
    "key": "SHOP-12",
    "project": "SHOP",
    "status": "In Progress",
    "summary": "Refund is shown twice",
    "assignee": None,
    "updated": datetime(2026, 3, 9, 10, 30, 45, tzinfo=UTC),
}


def holds(jql: str) -> bool:
    condition = parse(jql, now=NOW, utc_offset=timedelta(0)).condition
    assert condition
    return condition(ISSUE.get)


@pytest.mark.parametrize(
    ("jql", "expected"),
    [
        ("project = SHOP", True),
        ("project = shop", True),
        ("project != SHOP", False),
        ('status = "In Progress"', True),
        ("status in ('To Do', 'in progress')", True),
        ("status not in (Done)", True),
        ("summary ~ REFUND", True),
        ("summary !~ refund", False),
        ("assignee is EMPTY", True),
        ("assignee is not empty", False),
        ("assignee != mira", False),
        ("key = OPS-12", False),
        ("key >= SHOP-12 AND key < SHOP-13", True),
        ("id > 20011", True),
        ('updated >= "2026-03-09 10:30"', True),
        ("updated >= '2026/03/09 10:31'", False),
        ("updated < 2026-03-09", False),
        ("updated >= -2d", True),
        ("updated >= -60m", False),
        ("updated >= 1773052245000", True),
        ("updated > 1773052245000", False),
        ("project = OPS OR status = 'In Progress' AND key = SHOP-12", True),
        ("(project = OPS OR status = 'In Progress') AND key = SHOP-13", False),
        ("NOT project = OPS AND NOT (status = Done)", True),
    ],
)
def test_condition_holds(jql: str, expected: bool) -> None:
    assert holds(jql) is expected


def test_order_is_read_with_its_directions() -> None:
    search = parse("project = SHOP order by updated DESC, key", now=NOW, utc_offset=timedelta(0))

    assert search.order == (("updated", True), ("key", False))


@given(st.text(alphabet="abpo =<>!~()\"'-,195ANDR", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(JqlError):  # any other error fails
        parse(text, now=NOW, utc_offset=timedelta(0))
