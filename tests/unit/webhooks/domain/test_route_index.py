import sys
import threading
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from tieline.routing.patterns import RoutePatterns
from tieline_webhooks.domain.pattern_trie import Node, Place
from tieline_webhooks.domain.persistent import PersistentMap, WideMap
from tieline_webhooks.domain.route_index import (
    MAX_REMEMBERED,
    MAX_REMEMBERED_CHARS,
    MAX_REMEMBERED_IN_TABLE,
    MAX_REMEMBERED_ROUTES,
    RouteIndex,
    RouteTable,
)

from tests.unit.webhooks.domain.drawn_patterns import event_names, pattern_lists
from tests.unit.webhooks.domain.naive_matching import naive_list_matches

V = TypeVar("V")


@dataclass(frozen=True)
class Route:
    id: str
    text: str
    patterns: RoutePatterns
    workspace_id: str = "w1"


def a_route(text: str = "*", route_id: str = "r1", workspace_id: str = "w1") -> Route:
    return Route(id=route_id, text=text, patterns=RoutePatterns.parse(text), workspace_id=workspace_id)


def routes_of(texts: list[str]) -> list[Route]:
    return [a_route(text, f"r{number}") for number, text in enumerate(texts)]


def ids(routes: tuple[Route, ...]) -> list[str]:
    """The routes' ids, of which each is there once; sorted, because an index promises no order."""
    return sorted(route.id for route in routes)


def naive_ids(routes: list[Route], names: tuple[str, ...]) -> list[str]:
    return sorted(route.id for route in routes if naive_list_matches(route.text, names))


def inside(place: Place[Any]) -> object:
    """What an index holds, in a form that can be compared."""
    node: Node[Any] = Node() if isinstance(place, tuple) else place
    if isinstance(place, tuple):
        node.here = place
    globs = node.globs
    by_ends = plain(globs._by_ends) if globs is not None else {}
    by_outline = plain(globs._by_outline) if globs is not None else {}
    return {
        "children": {token: inside(child) for token, child in plain(node.children).items()},
        "by_ends": {token: inside(child) for token, child in by_ends.items()},
        "by_outline": {token: inside(child) for alike in by_outline.values() for token, (_, child) in alike.items()},
        "lengths": globs._counts if globs is not None else {},
        "any_token": node.any_token and inside(node.any_token),
        "any_number": node.any_number and inside(node.any_number),
        "here": sorted(route.id for route in (node.here if isinstance(node.here, tuple) else node.here.values())),
        "rest": sorted(route.id for route in (node.rest if isinstance(node.rest, tuple) else node.rest.values())),
    }


def plain(entries: PersistentMap[V]) -> dict[str, V]:
    return entries.as_dict() if isinstance(entries, WideMap) else entries


EMPTY = inside(RouteIndex[Route].build()._root)


@given(st.lists(pattern_lists, max_size=12), event_names)
@settings(max_examples=150)
def test_index_finds_what_the_naive_matcher_does(texts: list[str], names: tuple[str, ...]) -> None:
    routes = routes_of(texts)

    assert ids(RouteIndex.build(routes).match(names)) == naive_ids(routes, names)


@given(
    st.lists(st.tuples(st.sampled_from(["r1", "r2", "r3", "r4"]), st.none() | pattern_lists), max_size=20),
    event_names,
)
def test_updates_leave_the_same_as_a_fresh_build(updates: list[tuple[str, str | None]], names: tuple[str, ...]) -> None:
    table: RouteTable[Route] = RouteTable()
    left: dict[str, Route] = {}

    for route_id, text in updates:
        if text is None:
            table.remove(route_id)
            left.pop(route_id, None)
        else:
            left[route_id] = a_route(text, route_id)
            table.put(left[route_id])
        table.match("w1", names)

    fresh = RouteIndex.build(left.values())
    assert inside(table.index_of("w1")._root) == inside(fresh._root)
    assert ids(table.match("w1", names)) == ids(fresh.match(names))
    assert ids(table.match("w1", names)) == naive_ids(list(left.values()), names)
    assert list(table.index_of("w1")) == list(fresh)


@given(st.lists(pattern_lists, max_size=12).flatmap(lambda texts: st.permutations(routes_of(texts))))
def test_removing_every_route_leaves_nothing_behind(routes: list[Route]) -> None:
    table = RouteTable(sorted(routes, key=lambda route: route.id))
    index = table.index_of("w1")

    for route in routes:
        table.remove(route.id)
        index = index.without_route(route.id)

    assert inside(index._root) == EMPTY
    assert len(index) == len(table) == 0
    assert (table._indexes, table._workspace_ids) == ({}, {})


def test_many_routes_of_one_pattern_come_and_go() -> None:
    routes = [a_route("sentry.*", f"r{number:03}") for number in range(300)]
    index = RouteIndex.build(routes)
    found = ids(index.match(("sentry.issue",)))

    for route in routes[1:]:
        index = index.without_route(route.id)

    assert found == [route.id for route in routes]
    assert ids(index.match(("sentry.issue",))) == ["r000"]
    assert inside(index._root) == inside(RouteIndex.build(routes[:1])._root)


def test_a_route_found_in_several_ways_comes_once() -> None:
    index = RouteIndex.build([a_route("*, a.*, **.b", "r1"), a_route("a.*, **.b, !c", "r2")])

    assert ids(index.match(("a.b", "x.b"))) == ["r1", "r2"]


def test_a_route_that_gets_or_loses_an_exclude_is_the_same_route() -> None:
    index = RouteIndex.build([a_route("a.*, !a.b")])

    assert ids(index.match(("a.b",))) == []
    index = index.with_route(a_route("a.*"))
    assert ids(index.match(("a.b",))) == ["r1"]
    index = index.with_route(a_route("a.*, !a.b"))
    assert ids(index.match(("a.b",))) == []
    assert ids(index.match(("a.c",))) == ["r1"]


def test_overlapping_stars_cost_no_explosion() -> None:
    # Spending these stars in every possible way would take longer than anybody waits.
    index = RouteIndex.build([a_route(".".join(["**", "a"] * 8) + ", " + ".".join(["*a*a*a*a*b"] * 16))])

    assert ids(index.search((".".join("a" * 200),))) == ["r1"]
    assert ids(index.search((".".join(["a" * 200] * 16),))) == []


def test_route_is_known_by_its_id_until_removed() -> None:
    route = a_route("sentry.*")
    index = RouteIndex.build([route])

    assert index.get("r1") is route
    assert index.without_route("r1").get("r1") is None
    assert index.without_route("other") is index


def test_updated_route_takes_only_what_it_now_asks_for() -> None:
    table = RouteTable([a_route("sentry.*, incident.*")])
    table.match("w1", ("sentry.issue",))

    table.put(a_route("incident.*, deploy.*"))

    assert ids(table.match("w1", ("sentry.issue",))) == []
    assert ids(table.match("w1", ("incident.triggered",))) == ["r1"]
    assert ids(table.match("w1", ("deploy.finished",))) == ["r1"]


def test_updated_route_is_returned_as_it_now_is() -> None:
    table = RouteTable([a_route("sentry.*")])
    edited = a_route("sentry.*, !sentry.debug")

    table.put(edited)

    assert table.match("w1", ("sentry.issue",)) == (edited,)
    assert table.match("w1", ("sentry.debug",)) == ()


def test_workspaces_see_only_their_own_routes() -> None:
    table = RouteTable([a_route("*", "r1", "w1"), a_route("*", "r2", "w2")])

    assert ids(table.match("w1", ("a",))) == ["r1"]
    assert ids(table.match("w2", ("a",))) == ["r2"]
    assert ids(table.match("w3", ("a",))) == []


def test_route_that_moves_leaves_its_old_workspace() -> None:
    table = RouteTable([a_route("*", "r1", "w1")])

    table.put(a_route("*", "r1", "w2"))

    assert ids(table.match("w1", ("a",))) == []
    assert ids(table.match("w2", ("a",))) == ["r1"]
    assert len(table) == 1


def test_index_handed_out_never_changes() -> None:
    table = RouteTable([a_route("sentry.*", f"r{number:03}") for number in range(200)])
    before = table.index_of("w1")
    expected, held = ids(before.search(("sentry.issue",))), inside(before._root)

    for number in range(100, 300):
        table.put(a_route("*.issue, **.b, x*", f"r{number:03}"))
    for number in range(50):
        table.remove(f"r{number:03}")

    assert ids(before.search(("sentry.issue",))) == expected
    assert inside(before._root) == held


def test_match_in_another_thread_sees_each_update_whole() -> None:
    # Every version of the route takes a.b, by other patterns than the one before, so an answer without it is torn.
    versions = ["a.b", "a.*", "**.b, !z", "*b*.c, a*.b*", "*"]
    table = RouteTable([a_route("a.b")])
    answers: set[tuple[str, ...]] = set()
    stop = threading.Event()

    def match_until_stopped() -> None:
        while not stop.is_set():
            answers.add(tuple(ids(table.match("w1", ("a.b",)))))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=match_until_stopped)
    thread.start()
    try:
        for number in range(3_000):
            table.put(a_route(versions[number % len(versions)]))
    finally:
        stop.set()
        thread.join(timeout=10)
        sys.setswitchinterval(before)

    assert answers == {("r1",)}


def test_answers_are_remembered_up_to_a_bound_per_workspace() -> None:
    index = RouteIndex.build([a_route("**.x")])

    for number in range(3 * MAX_REMEMBERED):
        index.match((f"type{number}.x",))

    assert 0 < len(index.remembered) <= MAX_REMEMBERED


def test_remembered_answers_hold_a_bounded_number_of_routes() -> None:
    index = RouteIndex.build([a_route("*", f"r{number}") for number in range(100)])

    for number in range(MAX_REMEMBERED_ROUTES // 100 + 50):
        assert len(index.match((f"type{number}",))) == 100

    assert 0 < sum(map(len, index.remembered.values())) <= MAX_REMEMBERED_ROUTES


def test_answers_are_remembered_up_to_a_bound_over_all_workspaces() -> None:
    workspaces = [f"w{number}" for number in range(80)]
    table = RouteTable([a_route("**.x", workspace_id, workspace_id) for workspace_id in workspaces])

    for workspace_id in workspaces:
        for number in range(900):
            table.match(workspace_id, (f"type{number}.x",))

    kept = sum(len(table.index_of(workspace_id).remembered) for workspace_id in workspaces)
    assert 0 < kept <= MAX_REMEMBERED_IN_TABLE


def test_overlong_event_type_is_matched_and_not_remembered() -> None:
    index = RouteIndex.build([a_route("*")])
    name = "a" * (MAX_REMEMBERED_CHARS + 1)

    assert ids(index.match((name,))) == ["r1"]
    assert index.remembered == {}
