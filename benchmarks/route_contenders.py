"""Routes as people write them, and the ways to find those of an event that `route_matching` compares."""

import fnmatch
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tieline.routing.patterns import RoutePatterns, first_match, tokens_of
from tieline_webhooks.domain.route_index import RouteTable

try:
    import re2
except ImportError:
    re2 = None

WORKSPACE = "acme"
MAX_EVENT_TYPES = 1_000  # a workspace's index remembers answers for 1,024
BIGGEST_FNMATCH = 10_000
BIGGEST_REGEX = 10_000  # compiling 100,000 groups takes minutes

Names = tuple[str, ...]
Search = Callable[[str, Names], Sequence["Route"]]  # workspace, names


@dataclass(frozen=True, slots=True)
class Route:
    """As much of a route as an index needs."""

    id: str
    patterns: RoutePatterns
    workspace_id: str = WORKSPACE


@dataclass(frozen=True, slots=True)
class Workload:
    """Routes, and event types of which each matches about five of them however many routes there are."""

    routes: list[Route]
    event_types: list[str]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to find routes; `None` for a search that is not tried at this size, `note` says why."""

    name: str
    search: Search | None
    note: str = ""
    exact: bool = True


def a_workload(size: int, draw: random.Random) -> Workload:
    """Return `size` routes, seven for two event types. The vocabulary grows with the routes, as it does with teams."""
    things = ["order", "cart", "payment", "refund", "user", "invoice", "stock", "parcel", "voucher", "review"]
    services = [f"service{number}" for number in range(max(8, size // 40))]
    actions = [f"{verb}{number}" for number in range(max(1, size // 250)) for verb in ("created", "failed", "closed")]
    families = [(draw.choice(services), draw.choice(things), draw.choice(actions)) for _ in range(size * 2 // 7)]
    routes = [
        Route(f"route-{number:06}", RoutePatterns.parse(a_pattern(*draw.choice(families), draw)))
        for number in range(size)
    ]
    event_types = sorted({".".join(family) for family in families})
    return Workload(routes, draw.sample(event_types, min(MAX_EVENT_TYPES, len(event_types))))


def a_pattern(service: str, thing: str, action: str, draw: random.Random) -> str:
    """Return one of the shapes that people write, covering this type."""
    shapes = {
        f"{service}.{thing}.{action}": 58,
        f"{service}.{thing}.*": 12,
        f"{service}.{thing}.{action[:4]}*": 6,
        f"{service}.*{thing[-3:]}.{action}": 4,
        f"{service}.*.{action}": 6,
        f"{service}.**.{action}": 4,
        f"*.{thing}.{action}": 4,
        f"{service}.*": 2,
        f"{service}.{thing}.*, !**.failed*": 4,
    }
    return draw.choices(list(shapes), list(shapes.values()))[0]


def table_contenders(workload: Workload) -> list[Contender]:
    """Return the index without and with the memory of answers."""
    table = RouteTable(workload.routes)
    index = table.index_of(WORKSPACE)
    return [
        Contender("index", lambda _, names: index.search(names)),
        Contender("index, remembered", table.match),
    ]


def fnmatch_contender(workload: Workload) -> Contender:
    """Return one regular expression per route, as fnmatch makes them, compiled once."""
    name = "fnmatch, one by one"
    if len(workload.routes) > BIGGEST_FNMATCH:
        return Contender(name, None, "not tried: grows with the routes")
    compiled = [
        (re.compile(fnmatch.translate(pattern.text)).match, route)
        for route in workload.routes
        for pattern in route.patterns.includes
    ]
    return Contender(
        name,
        lambda _, names: [route for matches, route in compiled if matches(names[0])],
        "its stars cross dots",
        exact=False,
    )


def regex_contender(workload: Workload) -> Contender:
    """Return one regular expression with a group per pattern; an alternation would stop at the first that matches."""
    name = "one regex (re)"
    if len(workload.routes) > BIGGEST_REGEX:
        return Contender(name, None, "not tried: compiles for minutes")
    expressions, routes = expressions_of(workload)
    started = time.perf_counter()
    match = re.compile("".join(rf"(?:(?=({expression})\Z)|)" for expression in expressions)).match
    note = f"compiled whole in {time.perf_counter() - started:.1f} s"

    def search(_: str, names: Names) -> Sequence[Route]:
        found = match(names[0])
        groups = found.groups() if found else ()
        return wanted([route for route, group in zip(routes, groups, strict=True) if group is not None], names)

    return Contender(name, search, note)


def re2_contender(workload: Workload) -> Contender:
    """Return RE2's set, an automaton over all patterns."""
    name = "RE2 set"
    if re2 is None:
        return Contender(name, None, "not tried: google-re2 is not installed")
    expressions, routes = expressions_of(workload)
    started = time.perf_counter()
    options = re2.Options()
    options.max_mem = 1 << 30
    automaton = re2.Set.FullMatchSet(options)
    for expression in expressions:
        automaton.Add(expression)
    automaton.Compile()
    note = f"compiled whole in {time.perf_counter() - started:.1f} s"
    return Contender(
        name, lambda _, names: wanted([routes[number] for number in automaton.Match(names[0]) or ()], names), note
    )


def expressions_of(workload: Workload) -> tuple[list[str], list[Route]]:
    """Return every include as a regular expression, and whose it is."""
    pairs = [(expression_of(pattern.tokens), route) for route in workload.routes for pattern in route.patterns.includes]
    return [expression for expression, _ in pairs], [route for _, route in pairs]


def expression_of(tokens: Sequence[str]) -> str:
    """Return a pattern as a regular expression; none here ends in `**`."""
    before = [r"(?:[^.]*\.)*" if token == "**" else token_expression(token) + r"\." for token in tokens[:-1]]
    return "".join(before) + (".*" if tokens[-1] == "*" else token_expression(tokens[-1]))


def token_expression(token: str) -> str:
    """Return a token, in which a star stays between the dots."""
    return re.escape(token).replace(r"\*", "[^.]*")


def wanted(found: Sequence[Route], names: Names) -> Sequence[Route]:
    """Return the found routes without those that exclude the event: what every contender has to add."""
    tokens = [tokens_of(name) for name in names]
    return [
        route for route in found if not route.patterns.excludes or first_match(route.patterns.excludes, tokens) is None
    ]
