"""Lists from memory, against filtering and sorting everything."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tieline_registry.domain.directory import Directory, Entry
from tieline_registry.domain.listing import ListQuery

START = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = ("name", "display_name", "provider", "protocol", "status", "enabled", "created_at", "updated_at")


def an_entry(identity: str = "i1", **given: Any) -> Entry:
    fields: dict[str, Any] = {
        "name": f"name-{identity}",
        "display_name": "Shown",
        "provider": "sentry",
        "protocol": "rest",
        "status": "active",
        "enabled": True,
        "created_at": START,
        "updated_at": START,
    }
    return Entry(id=identity, **{**fields, **given})


def a_query(**given: Any) -> ListQuery:
    return ListQuery(workspace_id="w1", **given)


names = st.text(alphabet="abAB-", min_size=1, max_size=4)
instants = st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours))
entries = st.builds(
    Entry,
    id=st.integers(0, 25).map(str),
    name=names,
    display_name=names,
    provider=st.sampled_from(["sentry", "slack", "linear"]),
    protocol=st.sampled_from(["rest", "desktop"]),
    status=st.just("active"),
    enabled=st.booleans(),
    created_at=instants,
    updated_at=instants,
)
rounds = st.lists(
    st.tuples(st.lists(entries, max_size=8), st.lists(st.integers(0, 25).map(str), max_size=2)), max_size=6
)
queries = st.builds(
    ListQuery,
    workspace_id=st.just("w1"),
    limit=st.integers(1, 6),
    offset=st.integers(0, 12),
    search=st.none() | names,
    enabled=st.none() | st.booleans(),
    protocol=st.none() | st.sampled_from(["rest", "desktop", "none"]),
    providers=st.none() | st.frozensets(st.sampled_from(["sentry", "slack", "none"])),
    sort=st.lists(
        st.tuples(st.sampled_from(FIELDS), st.sampled_from([1, -1])),
        min_size=1,
        max_size=2,
        unique_by=lambda one: one[0],
    ).map(tuple),
)


def obvious(held: dict[str, Entry], query: ListQuery) -> list[Entry]:
    needle = (query.search or "").casefold()
    found = [
        entry
        for entry in held.values()
        if (query.enabled is None or entry.enabled == query.enabled)
        and (query.protocol is None or entry.protocol == query.protocol)
        and (query.providers is None or entry.provider in query.providers)
        and any(needle in text.casefold() for text in (entry.name, entry.display_name, entry.provider))
    ]
    found.sort(key=lambda entry: entry.id, reverse=len(query.sort) == 1 and query.sort[0][1] < 0)
    for name, direction in reversed(query.sort):
        found.sort(key=lambda entry: getattr(entry, name), reverse=direction < 0)
    return found


def after(done: list[tuple[list[Entry], list[str]]], directory: Directory, query: ListQuery) -> dict[str, Entry]:
    held: dict[str, Entry] = {}
    for number, (changed, gone) in enumerate(done):
        directory.advance(number, changed=changed, gone=gone)
        held = {identity: entry for identity, entry in held.items() if identity not in gone}
        held |= {entry.id: entry for entry in changed}
        directory.find(query)  # what an answer leaves behind must not spoil the next
    return held


@settings(max_examples=200)
@given(rounds, queries)
def test_a_page_is_what_filtering_and_sorting_everything_gives(
    done: list[tuple[list[Entry], list[str]]], query: ListQuery
) -> None:
    directory = Directory()
    held = after(done, directory, query)
    expected = obvious(held, query)

    found = directory.find(query)

    if len(query.sort) == 1 and query.sort[0][1] < 0:
        # Equal ones may come in the opposite order of a stable sort; what counts is that it is the same on all pages.
        key = query.sort[0][0]
        expected.sort(key=lambda entry: (getattr(entry, key), entry.id), reverse=True)
    assert list(found.ids) == [entry.id for entry in expected[query.offset : query.offset + query.limit]]
    assert found.total == len(expected)


def test_a_search_takes_upper_and_lower_case_alike_and_regular_expressions_as_text() -> None:
    directory = Directory()
    directory.advance(
        1, changed=[an_entry("1", name="Straße"), an_entry("2", name="a.*b"), an_entry("3", name="axxb")], gone=[]
    )

    assert directory.find(a_query(search="STRASSE")).ids == ["1"]
    assert directory.find(a_query(search=".*")).ids == ["2"]


def test_a_change_that_comes_twice_is_one() -> None:
    directory = Directory()
    directory.advance(1, changed=[an_entry("1", name="old")], gone=[])
    directory.find(a_query())

    directory.advance(2, changed=[an_entry("1", name="new")], gone=["9"])
    directory.advance(2, changed=[an_entry("1", name="new")], gone=["9"])

    assert directory.find(a_query()).total == 1
    assert directory.find(a_query(search="old")).total == 0
