"""How fast webhooks are taken in with everything on, next to a bare ASGI handler that only checks the HMAC.

    python -m benchmarks.webhook_intake [--rounds 5] [--seconds 3] [--webhooks 100000]

The router (`roles: ["intake"]`: verify, normalise, match, append to Kafka with acks=all, answer) and the floor are
processes of their own and take turns on a core of their own; a third loads them over 64 connections with webhooks of
4 KB, and shares the other cores with Kafka. Printed are rates, the processor time that a webhook costs each server,
latencies at half of the router's own rate, and the router's memory over many webhooks: 100,000 by default, a million
with `--webhooks 1000000`. Takes about two minutes, a million some minutes more. Kafka is the embedded broker, Apache
Kafka with TIELINE_TEST_KAFKA=apache, or the one that TIELINE_KAFKA__BOOTSTRAP_SERVERS names.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord
from tieline.settings import KafkaSettings
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS, apply_topics
from tieline_cli.processes.ports import free_port

from tests.support.brokers import a_broker
from tests.support.http_server import serving

WORKSPACE = "11111111-2222-3333-4444-555555555555"
SLUG = "org-acme-corp"
TOKEN = "service-token-for-benchmarks"
SECRET = secrets.token_hex(16)
AT = datetime(2026, 3, 1, tzinfo=UTC)
TICKS = os.sysconf("SC_CLK_TCK")
ROUTES = 200
PARTS = 10  # looks at memory, at least
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = set(CORES[:1])
OTHER_CORES = set(CORES[1:]) or SERVER_CORE


def registry_app() -> Starlette:
    """Return what the router asks the registry for."""

    async def open_credentials(request: Request) -> JSONResponse:
        del request
        found = an_integration().model_dump(mode="json")
        return JSONResponse({"integration": found, "secrets": {"config.webhook_secret": SECRET}})

    async def readyz(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"status": "ready"})

    return Starlette(
        routes=[Route("/readyz", readyz), Route("/internal/credentials/open", open_credentials, methods=["POST"])]
    )


def an_integration() -> Integration:
    """Return the Sentry integration that the webhooks belong to."""
    return Integration(
        id="int-sentry",
        workspace_id=WORKSPACE,
        workspace_slug=SLUG,
        name="sentry",
        display_name="Sentry",
        provider="sentry",
        secret_paths=["config.webhook_secret"],
        created_by="benchmark",
        created_at=AT,
        updated_at=AT,
    )


def a_route(number: int) -> ChannelRoute:
    """Return one of the workspace's routes; five take the webhooks."""
    few = number % 40 == 0
    pattern = ("sentry.*" if number % 80 else "sentry.issue.created") if few else f"deploy.service-{number}.*"
    return ChannelRoute(
        id=f"route-{number}",
        workspace_id=WORKSPACE,
        workspace_slug=SLUG,
        event_type=pattern,
        channel="slack",
        channel_id="C0ERRORS",
        created_at=AT,
        updated_at=AT,
    )


def leave_a_core_to_the_server() -> None:
    """Keep this process and those that it starts, the broker and the load, off the core on which `a_server` runs."""
    os.sched_setaffinity(0, OTHER_CORES)


class Server:
    """A server under load, and what it uses."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process, self.url = process, url

    def processor_seconds(self) -> float:
        """Return the processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self) -> float:
        """Return its resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@asynccontextmanager
async def a_server(arguments: list[str], environment: Mapping[str, str], url: str, ready: str) -> AsyncIterator[Server]:
    """Run a server until it answers, and to the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env={**os.environ, **environment}, stdout=asyncio.subprocess.DEVNULL
    )
    os.sched_setaffinity(process.pid, SERVER_CORE)
    try:
        async with httpx2.AsyncClient(trust_env=False) as http:
            for _ in range(600):
                try:
                    if (await http.get(ready)).status_code < 500:
                        break
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.05)
            else:
                raise SystemExit(f"{arguments[0]} did not become ready")
        yield Server(process, url)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def a_router(
    kafka: KafkaSettings, registry: str, folder: Path, telemetry: Mapping[str, str]
) -> AsyncIterator[Server]:
    """Run a webhook router that only takes webhooks in."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "TIELINE_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "TIELINE_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "TIELINE_INTERNAL__TOKEN": TOKEN,
        "TIELINE_INTERNAL__REGISTRY_URL": registry,
        "TIELINE_HTTP__PORT": str(port),
        "TIELINE_WEBHOOKS__ROLES": '["intake"]',
        "TIELINE_WEBHOOKS__SPOOL_DIR": str(folder / "spool"),
        "TIELINE_LOG__LEVEL": "WARNING",
        **telemetry,
    }
    async with a_server(["tieline_webhooks"], environment, f"{url}/api/webhooks/sentry", f"{url}/healthz") as router:
        yield router


async def load(server: Server, *, seconds: float, first: int, rate: float | None = None) -> dict[str, Any]:
    """Load a server from another process; return what was seen and what it cost."""
    arguments = [server.url, "--secret", SECRET, "--seconds", str(seconds), "--first", str(first)]
    if rate is not None:
        arguments += ["--rate", str(rate)]
    before = server.processor_seconds()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.webhook_load", *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    seen: dict[str, Any] = json.loads(printed)
    seen["cpu_us"] = (server.processor_seconds() - before) / max(1, seen["answered"]) * 1e6
    return seen


async def measure(kafka: KafkaSettings, options: argparse.Namespace, folder: Path) -> None:
    """Run everything and print the figures."""
    await apply_topics(kafka)
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(RecordProducer(kafka, client_id="benchmark"))
        await producer.send(
            OutgoingRecord(topic=INTEGRATION_EVENTS, key="int-sentry", value=an_integration().to_json())
        )
        await producer.send_all(
            [
                OutgoingRecord(topic=ROUTE_EVENTS, key=each.id, value=each.to_json())
                for each in map(a_route, range(ROUTES))
            ]
        )
        registry = await stack.enter_async_context(serving(registry_app()))
        floor_port = free_port()
        floor_url = f"http://127.0.0.1:{floor_port}/"
        floor = await stack.enter_async_context(
            a_server(["benchmarks.webhook_floor", str(floor_port), SECRET], {}, floor_url, floor_url)
        )
        router = await stack.enter_async_context(a_router(kafka, registry, folder, {}))
        await asyncio.sleep(2.0)  # until its tables are read
        await rounds(floor, router, options)


async def rounds(floor: Server, router: Server, options: argparse.Namespace) -> None:
    """Load both in turns, then the router at half its rate, then for long."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"{ROUTES} routes, 4 KB, 64 connections\n"
    )
    print(f"{'':8}{'bare/s':>10}{'router/s':>10}{'ratio':>8}{'bare µs':>9}{'router µs':>11}{'p50 ms':>8}{'p99 ms':>8}")
    seen: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for number in range(-1, options.rounds):
        first = (number + 2) * 10_000
        bare = await load(floor, seconds=options.seconds, first=first)
        full = await load(router, seconds=options.seconds, first=first)
        if full["refused"] or bare["refused"]:
            print(f"  refused: {bare['refused']} {full['refused']}")
        if number < 0:
            continue  # warming up
        seen.append((bare, full))
        print_row(f"{number + 1}", bare, full)
    middle = [
        {name: statistics.median(pair[which][name] for pair in seen) for name in ("rate", "cpu_us", "p50_ms", "p99_ms")}
        for which in (0, 1)
    ]
    print_row("median", *middle)
    half = middle[1]["rate"] / 2
    paced = await load(router, seconds=max(5.0, options.seconds), first=900_000, rate=half)
    print(
        f"\nat {half:,.0f}/s, half of its own rate: p50 {paced['p50_ms']:.1f} ms, p99 {paced['p99_ms']:.1f} ms, "
        f"p99.9 {paced['p999_ms']:.1f} ms, longest {paced['max_ms']:.0f} ms, refused {paced['refused'] or 'none'}"
    )
    if options.webhooks:
        await soak(router, options.webhooks, middle[1]["rate"])


async def soak(router: Server, webhooks: int, rate: float) -> None:
    """Print the router's memory over many webhooks, which may come in whatever time they take."""
    seen = [(0, router.memory_mib())]
    refused: Counter[str] = Counter()
    while seen[-1][0] < webhooks:
        done = seen[-1][0]
        part = await load(router, seconds=min(30.0, webhooks / PARTS / rate), first=done)
        refused.update(part["refused"])
        seen.append((done + part["answered"], router.memory_mib()))
        print(f"memory after {seen[-1][0]:>9,} webhooks: {seen[-1][1]:.1f} MiB", flush=True)
    later = [mib for done, mib in seen if done >= webhooks / 2]
    print(f"{later[-1] - later[0]:+.1f} MiB over the second half; refused {dict(refused) or 'none'}")


def print_row(name: str, bare: Mapping[str, Any], full: Mapping[str, Any]) -> None:
    """Print one line of the table."""
    print(
        f"{name:8}{bare['rate']:>10,.0f}{full['rate']:>10,.0f}{full['rate'] / bare['rate']:>8.2f}"
        f"{bare['cpu_us']:>9.0f}{full['cpu_us']:>11.0f}{full['p50_ms']:>8.1f}{full['p99_ms']:>8.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--webhooks", type=int, default=100_000, help="watch memory over so many; 0 leaves it out")
    options = parser.parse_args()
    leave_a_core_to_the_server()
    with a_broker() as address, tempfile.TemporaryDirectory() as folder:
        kafka = KafkaSettings(bootstrap_servers=address, topic_prefix=f"bench-{secrets.token_hex(3)}.")
        asyncio.run(measure(kafka, options, Path(folder)))


if __name__ == "__main__":
    main()
