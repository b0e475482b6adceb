"""What destinations in trouble do to the others, and how long a dead replica's destinations wait.

    python -m benchmarks.webhook_delivery [--rate 40] [--seconds 10] [--kills 2]

Events go straight to Kafka for twenty services of one's own. Measured is the time from an event to its message, first
with all in order, then beside one destination that hangs and one that answers 429, then beside a hundred that hang, all
of the same workspace and at the same address. Then two replicas work through the queue of a Slack channel, one message
a second, and the one that holds it is killed: how long is the channel silent? All settings are the defaults.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
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

GOOD, HANGING = 20, 100
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CHANNEL = "C0QUEUE"


def an_event(kind: str, number: int) -> OutgoingRecord:
    """Return an event of now; its kind says which route takes it."""
    return emitted_event(
        workspace_id=WORKSPACE,
        event_id=f"{kind}-{number}-{time.monotonic_ns()}",
        event_type=f"{kind}.finished",
        source="/benchmark",
        subject=f"{kind}/{number}",
        time=system_clock(),
        data=b"{}",
    )


async def beside(
    world: RouterWorld, hooks: WebhookSimulator, trouble: Sequence[str], options: argparse.Namespace
) -> list[float]:
    """Send events to the good destinations at a steady rate, and some to others; return the seconds each good took."""
    hooks.received.clear()
    count = int(options.rate * options.seconds)
    await world.producer.send_all([an_event(kind, number) for kind in trouble for number in range(3)])
    hanging = [f"{kind}.finished" for kind in trouble if kind.startswith("hang")]
    begun = {"sending": {"$ne": None}, "event_type": {"$in": hanging}}
    await eventually(lambda: _count(world, begun, len(hanging)), within=60)
    began = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / options.rate - time.monotonic()))
        await world.producer.send(an_event(f"good-{number % GOOD}", number))
    await eventually(lambda: len(hooks.received) >= count, within=120)
    return [
        each.at - datetime.fromisoformat(each.body["timestamp"]).timestamp()
        for each in hooks.received
        if isinstance(each.body, dict)
    ]


async def _count(world: RouterWorld, query: dict[str, Any], least: int) -> bool:
    return bool(await world.database["deliveries"].count_documents(query) >= least)


async def isolation(
    world: RouterWorld, hooks: WebhookSimulator, address: str, options: argparse.Namespace
) -> RouterProcess:
    """Print how long messages take beside destinations in trouble; return the router, which goes on running."""
    kinds = [*(f"good-{number}" for number in range(GOOD)), "limited", *(f"hang-{number}" for number in range(HANGING))]
    for kind in kinds:
        await world.route(kind, f"{kind}.*", "webhook", f"{address}/{kind}")
    hooks.faults.add(Fault(kind="hang", target=Target(path="/hang-*"), seconds=600, times=0))
    hooks.faults.add(Fault(kind="rate_limit", target=Target(path="/limited"), retry_after=30, times=0))
    router = world.new_router()
    await router.start()
    await beside(world, hooks, [], argparse.Namespace(rate=options.rate, seconds=3))  # warm
    many = [f"hang-{number}" for number in range(HANGING)]
    phases = {"all in order": [], "one hangs, one answers 429": ["hang-0", "limited"], "a hundred hang": many}
    print(f"\n{'event to message, ms':30}{'messages':>10}{'p50':>8}{'p99':>8}{'longest':>9}")
    for name, trouble in phases.items():
        took = sorted(await beside(world, hooks, trouble, options))
        p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
        print(f"{name:30}{len(took):>10,}{p50 * 1000:>8.0f}{p99 * 1000:>8.0f}{took[-1] * 1000:>9.0f}", flush=True)
    hooks.faults.clear()
    return router


async def takeover(world: RouterWorld, one: RouterProcess, kills: int) -> None:
    """Print how long a channel is silent after the replica that sends to it was killed."""
    await world.integrate("slack", {"config.bot_token": "xoxb"}, base_url=world.addresses["slack"])
    await world.route("queue", "queue.*", "slack", CHANNEL)
    replicas = [one, world.new_router()]
    await replicas[1].start()
    await world.producer.send_all([an_event("queue", number) for number in range(120)])
    await eventually(lambda: _count(world, {"event_type": "queue.finished"}, 120), within=60)
    for _ in range(kills):
        await eventually(lambda: len(world.slack.received) > 3, within=60)
        owner = await holder(world, replicas)
        await owner.kill()
        killed, before = time.time(), len(world.slack.received)
        await eventually(lambda before=before: len(world.slack.received) > before + 1, within=120)  # type: ignore[misc]  # bound now
        first = next(each.at for each in world.slack.received if each.at > killed + 0.5)
        print(f"a replica was killed: its destination was taken over after {first - killed:.1f} s", flush=True)
        await owner.start()
    posted = [str(each.body) for each in world.slack.received if each.path.endswith("chat.postMessage")]
    print(f"{len(posted)} messages, {len(posted) - len(set(posted))} of them posted twice")


async def holder(world: RouterWorld, replicas: Sequence[RouterProcess]) -> RouterProcess:
    """Return the replica that holds the channel."""

    async def look() -> Any:
        return await world.database["delivery_lanes"].find_one({"_id": f"{WORKSPACE}:slack:{CHANNEL}"})

    lane = await eventually(look, within=60)
    return next(each for each in replicas if _instance(each) == lane["owner"])


def _instance(router: RouterProcess) -> str:
    return Path(router.environment["TIELINE_WEBHOOKS__SPOOL_DIR"], "instance").read_text(encoding="utf-8")


async def measure(kafka: str, mongo: str, folder: Path, options: argparse.Namespace) -> None:
    """Run both parts."""
    hooks = WebhookSimulator()
    async with (
        router_world(
            kafka_server=kafka, topic_prefix="delivery.", mongo_server=mongo, mongo_database="delivery", folder=folder
        ) as world,
        running(hooks=hooks) as addresses,
    ):
        await world.integrate("webhook", {"config.signing_secret": SIGNING_SECRET})
        router = await isolation(world, hooks, addresses["hooks"], options)
        await takeover(world, router, options.kills)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=40.0, help="events per second to the good destinations")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each phase sends")
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    with a_broker() as kafka, embedded_mongo() as mongo, tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(kafka, mongo, Path(folder), options))


if __name__ == "__main__":
    main()
