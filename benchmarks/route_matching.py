"""How long it takes to find an event's routes, next to fnmatch, one big regular expression and RE2's set.

    python -m benchmarks.route_matching [--routes 100,10000,100000] [--rounds 15]

Contenders take turns in every round; printed are medians over the rounds, in processor time, so that a busy machine
slows all of them alike. Where they can they must give the index's answers, which is checked. RE2 takes part where
google-re2 is installed.
"""

import argparse
import fnmatch
import gc
import random
import re
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tieline_webhooks.domain.patterns import RoutePatterns, first_match, tokens_of
from tieline_webhooks.domain.route_index import RouteTable

try:
    import re2
except ImportError:
    re2 = None

WORKSPACE = "acme"
MAX_EVENT_TYPES = 1_000  # a workspace's index remembers answers for 1,024
BIGGEST_FNMATCH = 10_000
BIGGEST_REGEX = 10_000  # compiling 100,000 groups takes minutes
SECONDS_TO_WARM_UP = 3
SECONDS_A_TURN = 0.02

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
    """Return the found routes without those that exclude the event, by id: what every contender has to add."""
    tokens = [tokens_of(name) for name in names]
    kept = [
        route for route in found if not route.patterns.excludes or first_match(route.patterns.excludes, tokens) is None
    ]
    return sorted(kept, key=lambda route: route.id)


def check_answers(contenders: Sequence[Contender], events: Sequence[Names]) -> None:
    """Stop if an exact contender's answers differ from the first's."""
    for contender in contenders:
        if contender.search is None or not contender.exact:
            continue
        for names in events:
            expected, got = ids(contenders[0], names), ids(contender, names)
            if expected != got:
                raise SystemExit(f"{contender.name} answers {got} to {names}, the index {expected}")


def ids(contender: Contender, names: Names) -> list[str]:
    """Return the ids of a contender's answer."""
    return [route.id for route in contender.search(WORKSPACE, names)] if contender.search else []


def measure(contenders: Sequence[Contender], event_types: Sequence[str], rounds: int) -> dict[str, float]:
    """Return the median microseconds per event of each contender, which take turns."""
    turns = {
        contender.name: events_a_turn(contender.search, event_types) for contender in contenders if contender.search
    }
    times: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        for contender in contenders:
            if contender.search is not None:
                events = fresh_events(event_types, turns[contender.name], seed=number)
                times[contender.name].append(seconds_for(contender.search, events) / len(events) * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def events_a_turn(search: Search, event_types: Sequence[str]) -> int:
    """Return how many events fill a turn, having searched for all types once, as long as that takes no ages.

    That fills what is filled on the way: the memory of answers, the states of RE2's automaton.
    """
    started, count = time.perf_counter(), 0
    while count < len(event_types) and time.perf_counter() - started < SECONDS_TO_WARM_UP:
        search(WORKSPACE, (event_types[count],))
        count += 1
    timed = fresh_events(event_types, min(20, len(event_types)), seed=0)
    return min(5_000, max(1, int(len(timed) * SECONDS_A_TURN / seconds_for(search, timed))))


def fresh_events(event_types: Sequence[str], count: int, *, seed: int) -> list[Names]:
    """Return names as they come from a sender: strings that nobody has hashed yet. All types before any twice."""
    shuffled = random.Random(seed).sample(event_types, len(event_types))
    return [(" ".join([shuffled[number % len(shuffled)], ""])[:-1],) for number in range(count)]


def seconds_for(search: Search, events: Sequence[Names]) -> float:
    """Return the processor time of searching for all events, the loop included."""
    started = time.thread_time()
    for names in events:
        search(WORKSPACE, names)
    return time.thread_time() - started


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a table costs besides matching."""

    build_us: float
    put_us: float
    remove_us: float
    mib: float


def measure_upkeep(workload: Workload, draw: random.Random) -> Upkeep:
    """Return the cost of building, per route, and of single updates to the full table; memory without the routes."""
    started = time.thread_time()
    table = RouteTable(workload.routes)
    build_us = (time.thread_time() - started) / len(workload.routes) * 1e6
    puts, removes = [], []
    for route in draw.sample(workload.routes, min(500, len(workload.routes))):
        before = time.thread_time()
        table.remove(route.id)
        between = time.thread_time()
        table.put(route)
        removes.append(between - before)
        puts.append(time.thread_time() - between)
    del table
    gc.collect()
    tracemalloc.start()
    kept = RouteTable(workload.routes)
    gc.collect()
    mib = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    del kept
    return Upkeep(build_us, statistics.median(puts) * 1e6, statistics.median(removes) * 1e6, mib)


def run(size: int, rounds: int) -> None:
    """Print the tables of one size."""
    draw = random.Random(size)
    workload = a_workload(size, draw)
    contenders = [
        *table_contenders(workload),
        fnmatch_contender(workload),
        regex_contender(workload),
        re2_contender(workload),
    ]
    sample = fresh_events(workload.event_types, 20, seed=1)
    check_answers(contenders, sample)
    matches = statistics.mean(len(ids(contenders[0], (event_type,))) for event_type in workload.event_types)
    medians = measure(contenders, workload.event_types, rounds)
    upkeep = measure_upkeep(workload, draw)
    print(f"\n{size:,} routes, {len(workload.event_types):,} event types, {matches:.1f} matches each\n")
    print("| | µs per event | |\n|---|---:|---|")
    for contender in contenders:
        taken = f"{medians[contender.name]:,.2f}" if contender.name in medians else "–"
        print(f"| {contender.name} | {taken} | {contender.note} |")
    print(
        f"\nindex: built at {upkeep.build_us:.1f} µs a route, put {upkeep.put_us:.1f} µs, "
        f"remove {upkeep.remove_us:.1f} µs, {upkeep.mib:.1f} MiB"
    )


def main() -> None:
    """Run every size that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--routes", default="100,10000,100000", help="sizes, comma-separated")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each contender; medians are over them")
    asked = parser.parse_args()
    for size in asked.routes.split(","):
        run(int(size), asked.rounds)


if __name__ == "__main__":
    main()
