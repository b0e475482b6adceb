"""How long it takes to find an event's routes, next to fnmatch, one big regular expression and RE2's set.

    python -m benchmarks.route_matching [--routes 100,10000,100000] [--rounds 15]

Contenders take turns in every round, so that a busy machine slows all of them alike; printed are the median and the
least over the rounds, in processor time. Where they can they must give the index's answers, which is checked. RE2 takes
part where google-re2 is installed.
"""

import argparse
import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

from tieline_webhooks.domain.route_index import RouteTable

from benchmarks.route_contenders import (
    WORKSPACE,
    Contender,
    Names,
    Search,
    Workload,
    a_workload,
    fnmatch_contender,
    re2_contender,
    regex_contender,
    table_contenders,
)

SECONDS_TO_WARM_UP = 3
SECONDS_A_TURN = 0.02


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
    """Return the ids of a contender's answer, whose order does not count."""
    return sorted(route.id for route in contender.search(WORKSPACE, names)) if contender.search else []


def measure(contenders: Sequence[Contender], event_types: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Return the microseconds per event in each round of each contender, which take turns."""
    turns = {
        contender.name: events_a_turn(contender.search, event_types) for contender in contenders if contender.search
    }
    times: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        for contender in contenders:
            if contender.search is not None:
                events = fresh_events(event_types, turns[contender.name], seed=number)
                times[contender.name].append(seconds_for(contender.search, events) / len(events) * 1e6)
    return times


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
    times = measure(contenders, workload.event_types, rounds)
    upkeep = measure_upkeep(workload, draw)
    print(f"\n{size:,} routes, {len(workload.event_types):,} event types, {matches:.1f} matches each\n")
    print("| | µs per event | least | |\n|---|---:|---:|---|")
    for contender in contenders:
        turns = times.get(contender.name)
        taken = f"{statistics.median(turns):,.2f} | {min(turns):,.2f}" if turns else "– | –"
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
