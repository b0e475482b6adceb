"""What traces cost the intake of webhooks: the same router without them, with a sample of them, and with all.

    python -m benchmarks.telemetry_cost [--rounds 15] [--seconds 1.5] [--rate 1200]

Three routers (`roles: ["intake"]`) are processes of their own, differ in their `OTEL_*` variables alone, and take turns
within every round, each round in another order; a further process loads them over 64 connections with webhooks of 4 KB
that belong to no trace yet: as fast as they are answered, or with `--rate` so many a second. Spans go by OTLP over HTTP
to a receiver in this process that reads and forgets them. Printed are processor time per webhook, what each costs more
than none in the same round, and rates.
"""

import argparse
import asyncio
import os
import platform
import secrets
import statistics
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord
from tieline.settings import KafkaSettings
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS, apply_topics

from benchmarks.webhook_intake import (
    ROUTES,
    Server,
    a_route,
    a_router,
    an_integration,
    leave_a_core_to_the_server,
    load,
    registry_app,
)
from tests.support.brokers import a_broker
from tests.support.http_server import serving

SAMPLED = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.05"}
"""As `deploy/k8s/components/tracing` has it."""


class Receiver:
    """Takes spans and forgets them."""

    def __init__(self) -> None:
        self.requests = self.bytes = 0

    def app(self) -> Starlette:
        """Return the OTLP receiver."""

        async def traces(request: Request) -> Response:
            self.bytes += len(await request.body())
            self.requests += 1
            return Response(media_type="application/x-protobuf")

        return Starlette(routes=[Route("/v1/traces", traces, methods=["POST"])])


async def measure(kafka: KafkaSettings, options: argparse.Namespace, folder: Path) -> None:
    """Run everything and print the figures."""
    await apply_topics(kafka)
    receiver = Receiver()
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(RecordProducer(kafka, client_id="benchmark"))
        routes = [
            OutgoingRecord(topic=ROUTE_EVENTS, key=each.id, value=each.to_json())
            for each in map(a_route, range(ROUTES))
        ]
        sentry = OutgoingRecord(topic=INTEGRATION_EVENTS, key="int-sentry", value=an_integration().to_json())
        await producer.send_all([sentry])
        await producer.send_all(routes)
        registry = await stack.enter_async_context(serving(registry_app()))
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": await stack.enter_async_context(serving(receiver.app()))}
        routers = {}
        for name, telemetry in (("none", {}), ("5 %", exporting | SAMPLED), ("all", exporting)):
            routers[name] = await stack.enter_async_context(a_router(kafka, registry, folder / name, telemetry))
        await asyncio.sleep(2.0)  # until their tables are read
        await rounds(routers, options)
        print(f"\nthe receiver took {receiver.requests:,} requests, {receiver.bytes / 2**20:,.0f} MiB")


async def rounds(routers: Mapping[str, Server], options: argparse.Namespace) -> None:
    """Load the routers in turns and print what each cost."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}; {ROUTES} routes, 4 KB, 64 connections\n"
    )
    names = list(routers)
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(-1, options.rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            first = (number + 2) * 10_000
            found = await load(routers[name], seconds=options.seconds, first=first, rate=options.rate)
            if found["refused"]:
                print(f"  refused: {found['refused']}")
            if number >= 0:  # the first round warms up
                seen[name].append(found)
    print(f"{'traces':8}{'µs':>8}{'more':>8}{'of the rounds, half between':>30}{'webhooks/s':>12}")
    for name in names:
        cpu, rate = (statistics.median(each[what] for each in seen[name]) for what in ("cpu_us", "rate"))
        low, more, high = _ratios(seen[name], seen["none"])
        between = f"{low - 1:+.1%} and {high - 1:+.1%}"
        print(f"{name:8}{cpu:>8.0f}{more - 1:>+8.1%}{between:>30}{rate:>12,.0f}")


def _ratios(some: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[float]:
    """Return the quartiles of what one router's webhooks cost next to another's in the same round."""
    return statistics.quantiles(
        (float(one["cpu_us"] / other["cpu_us"]) for one, other in zip(some, others, strict=True)), n=4
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rate", type=float, help="webhooks a second; as many as are answered when left out")
    options = parser.parse_args()
    leave_a_core_to_the_server()
    with a_broker() as address, tempfile.TemporaryDirectory() as folder:
        kafka = KafkaSettings(bootstrap_servers=address, topic_prefix=f"bench-{secrets.token_hex(3)}.")
        asyncio.run(measure(kafka, options, Path(folder)))


if __name__ == "__main__":
    main()
