"""Ten thousand mixed events through kills, rate limits, failures and disabled routes; then the books are checked.

    python -m benchmarks.webhook_ledger [--events 10000] [--kills 6]

Events of services go straight to Kafka: for live routes, for a disabled one, for none, and some twice. Destinations
are webhooks of one's own: one answers 429 now and then, one fails now and then. A router is killed and started again
all the while, and the books are read from the database at every moment.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tieline.clock import system_clock
from tieline.contracts.events import emitted_event
from tieline.kafka.records import OutgoingRecord
from tieline_simulators import Fault, Target, WebhookSimulator, running

from tests.support.brokers import a_broker
from tests.support.registry_stub import WORKSPACE
from tests.support.router_world import RouterProcess, RouterWorld, router_world
from tests.support.servers import embedded_mongo
from tests.support.waiting import eventually

LIVE = 40
SHARES = {"live": 0.5, "disabled": 0.2, "unwanted": 0.2, "twice": 0.1}
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def an_event(number: int, kind: str) -> OutgoingRecord:
    """Return an event: its type says which route takes it."""
    return emitted_event(
        workspace_id=WORKSPACE,
        event_id=f"event-{number}",
        event_type=f"{kind}.finished",
        source="/benchmark",
        subject=f"thing-{number % 500}",
        time=system_clock(),
        data=b'{"filler": "%b"}' % (b"x" * 1000),
    )


async def watch(world: RouterWorld, seen: Counter[bool]) -> None:
    """Look at the books in the database all the time."""
    while True:
        async for found in world.database["delivery_ledger"].find({}):
            amounts: dict[str, Any] = dict(found["amounts"])
            suppressed = sum(amounts.pop("suppressed", {}).values())
            seen[amounts.pop("received", 0) == sum(amounts.values()) + suppressed] += 1
        await asyncio.sleep(0.05)


async def kill_now_and_then(router: RouterProcess, kills: int) -> None:
    """Kill the router and start it again, some times."""
    for _ in range(kills):
        await asyncio.sleep(random.uniform(1.0, 3.0))
        await router.kill()
        await router.start()


async def measure(kafka: str, mongo: str, folder: Path, options: argparse.Namespace) -> None:
    """Drive the events through and print the counts."""
    hooks = WebhookSimulator()
    async with (
        router_world(
            kafka_server=kafka, topic_prefix="ledger.", mongo_server=mongo, mongo_database="ledger", folder=folder
        ) as world,
        running(hooks=hooks) as addresses,
    ):
        await world.integrate("webhook", {"config.signing_secret": SIGNING_SECRET})
        for number in range(LIVE):
            await world.route(f"live-{number}", f"live-{number}.*", "webhook", f"{addresses['hooks']}/{number}")
        await world.route("off", "disabled.*", "webhook", f"{addresses['hooks']}/off", enabled=False)
        hooks.faults.add(Fault(kind="rate_limit", target=Target(path="/0"), retry_after=1.0, times=20))
        hooks.faults.add(Fault(kind="status", target=Target(path="/1"), status=503, times=4))
        router = world.new_router(TIELINE_WEBHOOKS__LEASE="PT20S")
        await router.start()
        seen: Counter[bool] = Counter()
        watching = asyncio.create_task(watch(world, seen))
        killing = asyncio.create_task(kill_now_and_then(router, options.kills))
        started = time.monotonic()
        expected = await send(world, options.events)
        print(f"sent {expected.total():,} events in {time.monotonic() - started:.0f} s", flush=True)
        await killing
        print(f"the last kill was {time.monotonic() - started:.0f} s after the start", flush=True)
        books = await eventually(lambda: settled(world, expected), within=420, every=0.5)
        took = time.monotonic() - started
        watching.cancel()
        tried_again = await world.database["deliveries"].count_documents({"history.1": {"$exists": True}})
        assert books is not None
        print_books(expected, books)
        ids = Counter(request.headers["webhook-id"] for request in hooks.received)
        print(
            f"\n{options.kills} kills, {tried_again} deliveries tried more than once, {took:.0f} s; looked at the "
            f"books {seen.total():,} times, {seen[False]} times they did not add up\n"
            f"of the last {ids.total():,} requests that destinations took, {ids.total() - len(ids)} were repeats "
            "(answers lost by a kill; a receiver knows them by their webhook-id)"
        )


async def send(world: RouterWorld, events: int) -> Counter[str]:
    """Send the events; return how many of which kind."""
    sent: list[OutgoingRecord] = []
    expected: Counter[str] = Counter()
    for number, kind in enumerate(random.choices(list(SHARES), list(SHARES.values()), k=events)):
        if kind == "twice" and sent:
            sent.append(random.choice(sent[-500:]))
            expected["duplicate"] += 1
        else:
            name = kind if kind in {"disabled", "unwanted"} else f"live-{number % LIVE}"
            sent.append(an_event(number, name))
            expected[name.partition("-")[0]] += 1
    for start in range(0, len(sent), 200):
        await world.producer.send_all(sent[start : start + 200])
    return expected


async def settled(world: RouterWorld, expected: Counter[str]) -> dict[str, Any] | None:
    """Return the books once every event is booked and nothing is pending."""
    if world.router.process is None:
        return None
    answer = await world.api("GET", f"/v1/{WORKSPACE}/ledger")
    if answer.status_code != 200:  # a database on a busy core may be asked in vain
        return None
    books: dict[str, Any] = answer.json()
    done = books["received"] == expected.total() and books["pending"] == 0
    return books if done else None


def print_books(expected: Counter[str], books: dict[str, Any]) -> None:
    """Print what was expected next to what is in the books."""
    reasons = books["suppressedByReason"]
    rows = [
        ("received", expected.total(), books["received"]),
        ("delivered", expected["live"], books["delivered"]),
        ("parked", expected["disabled"], books["parked"]),
        ("suppressed, no route", expected["unwanted"], reasons.get("no_route", 0)),
        ("suppressed, duplicate", expected["duplicate"], reasons.get("duplicate", 0)),
        ("pending", 0, books["pending"]),
        ("dead", 0, books["dead"]),
    ]
    print(f"{'':24}{'expected':>10}{'in the books':>14}")
    for name, wanted, found in rows:
        print(f"{name:24}{wanted:>10,}{found:>14,}{'' if wanted == found else '  WRONG'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=6)
    options = parser.parse_args()
    with a_broker() as kafka, embedded_mongo() as mongo, tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(kafka, mongo, Path(folder), options))


if __name__ == "__main__":
    main()
