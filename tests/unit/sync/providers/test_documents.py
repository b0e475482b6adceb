"""What vendors answer, as surface C's documents: also where something is missing or of another kind."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_sync.domain.providers import linear, pagerduty, sentry
from tieline_sync.domain.providers.reading import decoded, objects


def oncall(level: int, name: str = "Ada", **more: Any) -> dict[str, Any]:
    user = {"id": "U1", "name": name, "email": f"{name.lower()}@example.com"}
    return {"escalation_level": level, "user": user, "start": None, "end": None, **more}


def test_the_lowest_level_is_on_call_first() -> None:
    found = pagerduty.oncall_of([oncall(3, "Cleo"), oncall(1, "Ada"), oncall(2, "Ben")])

    assert (found["oncall"]["name"], found["oncall"]["escalationLevel"]) == ("Ada", 1)


def test_somebody_always_on_call_has_neither_beginning_nor_end() -> None:
    found = pagerduty.oncall_of([oncall(1)])

    assert (found["oncall"]["since"], found["oncall"]["until"]) == (None, None)


def test_of_one_level_who_began_first_is_shown_in_utc() -> None:
    later = oncall(1, "Ben", start="2026-03-21T10:00:00+01:00", end="2026-03-22T10:00:00+01:00")
    earlier = oncall(1, "Ada", start="2026-03-20T10:00:00+01:00", end="2026-03-23T10:00:00+01:00")

    found = pagerduty.oncall_of([later, earlier])["oncall"]

    assert (found["name"], found["since"], found["until"]) == ("Ada", "2026-03-20T09:00:00Z", "2026-03-23T09:00:00Z")


@pytest.mark.parametrize("answer", [[], [{"escalation_level": 1}], [{"user": None}]])
def test_nobody_on_call_is_null(answer: Any) -> None:
    assert pagerduty.oncall_of(answer) == {"oncall": None}


def test_an_unassigned_incident_has_no_assignee() -> None:
    assert pagerduty.incident_of({"id": "P1", "assignments": []})["assignee"] is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"error": {"message": "Invalid Input Provided", "errors": ["Status is bad"]}},
            "Invalid Input Provided: Status is bad",
        ),
        ({"error": {"message": "Not Found"}}, "Not Found"),
        ({"message": "Throttled"}, "Throttled"),
        ({"error": "text"}, ""),
        (None, ""),
    ],
)
def test_pagerdutys_words(answer: Any, said: str) -> None:
    assert pagerduty.said(answer) == said


def part(relation: str, cursor: str, *, there: bool, named: bool = True) -> str:
    """Return one part of Sentry's Link header; older servers name the cursor in the address only."""
    address = f"https://sentry.example/api/0/organizations/acme/issues/?query=a&cursor={cursor}"
    name = f'; cursor="{cursor}"' if named else ""
    return f'<{address}>; rel="{relation}"; results="{str(there).lower()}"{name}'


BEFORE = part("previous", "0:0:1", there=True)


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        (f"{BEFORE}, {part('next', '0:100:0', there=True)}", "0:100:0"),
        (f"{BEFORE}, {part('next', '0:100:0', there=False)}", None),
        (f"{BEFORE}, {part('next', '1420837533:0:0', there=True, named=False)}", "1420837533:0:0"),
        ('<https://sentry.example/>; rel="next"; results="true"', None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_sentrys_next_page(link: str, cursor: str | None) -> None:
    assert sentry.next_cursor(link) == cursor


@pytest.mark.parametrize(
    ("headers", "total"), [({}, 3), ({"x-hits": "40"}, 40), ({"x-hits": "many"}, 3), ({"x-hits": "2"}, 3)]
)
def test_sentrys_total_is_what_it_says_or_what_is_shown(headers: dict[str, str], total: int) -> None:
    assert sentry.total_of(headers, 3) == total


def test_sentrys_counts_come_as_text() -> None:
    assert sentry.issue_of({"id": "1", "count": "142", "userCount": 38})["count"] == 142


LABELS = {
    "nodes": [
        {"id": "l1", "name": "Bug", "team": None, "isGroup": False},
        {"id": "l2", "name": "bug", "team": {"id": "t1"}, "isGroup": False},
        {"id": "l3", "name": "flaky", "team": {"id": "t2"}, "isGroup": False},
        {"id": "l4", "name": "Area", "team": None, "isGroup": True},
    ]
}


def test_a_teams_own_label_comes_before_everybodys_and_no_other_teams_is_taken() -> None:
    assert linear.label_ids(["BUG", "flaky", "area"], LABELS, "t1") == {"bug": "l2"}
    assert linear.label_ids(["bug", "flaky"], LABELS, "t2") == {"bug": "l1", "flaky": "l3"}


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_issues_id_is_a_uuid_of_version_4_that_follows_from_the_request(one: str, other: str) -> None:
    form = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

    assert form.fullmatch(linear.issue_id(one))
    assert (linear.issue_id(one) == linear.issue_id(other)) is (one == other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "user", "nodes", "oncalls", "error", "errors", "assignments", "labels", "data"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_no_answer_makes_reading_fail(answer: Any) -> None:
    pagerduty.oncall_of(objects(answer, "oncalls"))
    pagerduty.said(answer)
    pagerduty.acknowledged_of(answer)
    linear.said(answer)
    linear.created_of(answer)
    linear.next_cursor(answer)
    linear.label_ids(["a"], answer, "t")
    sentry.said(answer)
    if isinstance(answer, dict):
        pagerduty.incident_of(answer)
        linear.issue_of(answer)
        linear.team_of(answer)
        sentry.issue_of(answer)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('{"\\ud800": ["x\\udc00y"]}', {"\ufffd": ["x\ufffdy"]}),
    ],
)
def test_half_a_character_does_not_spoil_an_answer(text: str, value: Any) -> None:
    assert decoded(text) == decoded(text.encode()) == value


@pytest.mark.parametrize("text", ["", "{", "NaN", '["\\ud800", NaN]', '"\\u12"', "[" * 5000, '["\\ud800",' * 3000])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is what callers rely on
        decoded(text)


@given(JSON)
def test_json_reads_back(value: Any) -> None:
    assert decoded(json.dumps(value)) == value
