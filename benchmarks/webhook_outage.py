"""Webhooks at a steady rate while Kafka is stopped for a while: what the senders saw, and what is in the topic after.

    python -m benchmarks.webhook_outage [--rate 500] [--away 60]

The broker is stopped cleanly and started again: the embedded one, which may lose what it acknowledges while it stops,
or with TIELINE_TEST_KAFKA=apache Apache Kafka. The router is a process of its own.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tieline_cli.processes.ports import free_port

from tests.support.outage import StoppableBroker, appended, send_for
from tests.support.router_world import SECRETS, a_sentry_issue, router_world, signed_sentry
from tests.support.servers import embedded_mongo
from tests.support.waiting import eventually

UP_BEFORE, UP_AFTER = 5.0, 10.0


async def measure(folder: Path, mongo: str, options: argparse.Namespace) -> None:
    """Run the outage and print the figures."""
    broker = StoppableBroker(folder, free_port())
    await broker.start()
    try:
        async with router_world(
            kafka_server=broker.address,
            topic_prefix="outage.",
            mongo_server=mongo,
            mongo_database="outage",
            folder=folder,
        ) as world:
            await world.integrate("sentry", {"config.webhook_secret": SECRETS["sentry"]})
            router = world.new_router(TIELINE_WEBHOOKS__ROLES='["intake"]')
            await router.start()
            body = a_sentry_issue("0815", title="webhook 0")

            async def accepted() -> bool:
                return (await world.post("sentry", body, signed_sentry(body))).status_code == 200

            await eventually(accepted)
            seconds = UP_BEFORE + options.away + UP_AFTER
            sending = asyncio.create_task(send_for(router.address, seconds=seconds, rate=options.rate, subjects=60))
            await asyncio.sleep(UP_BEFORE)
            await broker.stop()
            await asyncio.sleep(options.away)
            await broker.start()
            back = time.monotonic()
            await eventually(lambda: router.answers("/readyz"), within=120)
            drained = time.monotonic() - back
            seen = await sending
            there = await appended(world.kafka)
    finally:
        await broker.stop()
    there.pop("sentry/issue/0815", None)
    count = sum(map(len, there.values()))
    print(f"accepted {seen.count:,} of {seen.count + seen.refused:,}; in the topic {count:,}")
    print(f"each once and in the order of its subject: {'yes' if there == dict(seen.accepted) else 'NO'}")
    print(
        f"answered in: p50 {seen.percentile(0.5) * 1000:.0f} ms, p99 {seen.percentile(0.99) * 1000:.0f} ms, "
        f"longest {max(seen.seconds) * 1000:.0f} ms; events went to Kafka again {drained:.1f} s after it was back"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=500.0, help="webhooks per second")
    parser.add_argument("--away", type=float, default=60.0, help="seconds")
    options = parser.parse_args()
    with embedded_mongo() as mongo, tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), mongo, options))


if __name__ == "__main__":
    main()
