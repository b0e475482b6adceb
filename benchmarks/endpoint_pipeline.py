"""What the endpoint pipeline adds to a call, next to bare httpx2 and the checked client in the same run.

    python -m benchmarks.endpoint_pipeline [--rounds 15] [--calls 60]

A server in a process of its own answers 4 KB of JSON on loopback. Contenders take turns in every round, one call after
the other, so that a busy machine slows all of them alike; printed are medians over the rounds, in microseconds of wall
time per call. Then each makes calls with 32 in flight.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from tieline.clock import system_clock
from tieline.contracts.integrations import Integration
from tieline.ids import new_id
from tieline.outgoing import HostClients
from tieline.provider_client import EndpointCall
from tieline.settings import OutgoingSettings
from tieline_cli.processes.ports import free_port
from tieline_sync.adapters.providers.endpoint_server import HttpEndpointServer
from tieline_sync.adapters.providers.sandbox import Sandbox
from tieline_sync.adapters.tokens.vault import Vault
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers.health import Health
from tieline_sync.handlers.endpoint_calls import EndpointCalls
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.provider_ports import TokenFailure, TokenSlot
from tieline_sync.handlers.run_endpoint import RunEndpoint
from tieline_sync.handlers.tokens import Tokens

ORDERS = {"orders": [{"id": f"o-{n}", "total": n, "note": "x" * 40, "items": [{"name": "Cup"}]} for n in range(40)]}
PARAMS = {"customer": "ACME & Sons", "status": "open", "limit": 2}
PLAIN = {"name": "plain", "description": "", "method": "POST", "path": "/orders"}
WHOLE = {
    "name": "whole",
    "description": "",
    "method": "POST",
    "path": "/customers/{customer}/orders",
    "input_schema": {
        "type": "object",
        "required": ["customer"],
        "properties": {"status": {"enum": ["open", "shipped"]}, "limit": {"type": "integer", "maximum": 50}},
    },
    "request_transform": {"wrap_params_key": "query", "inject": {"channel": "agent"}},
    "response_filter": ["orders.id", "orders.total", "orders.items.name"],
    "response_mapping": {"count": "length(orders)", "open": "orders[].{id: id, total: total}"},
    "result_template": "{{ count }}: {% for one in open %}{{ one.id }} {% endfor %}",
    "max_result_length": 200,
}
IN_FLIGHT = 32
Call = Callable[[], Awaitable[object]]


async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer every request."""
    if scope["type"] == "http":
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(ORDERS).encode()})


@dataclass
class Held:
    """An integration in memory, where the worker asks the registry."""

    facts: Facts

    async def find(self, _workspace_id: str, _integration_id: str) -> Facts:
        """Return it."""
        return self.facts


class Nowhere:
    """Stores and events that keep nothing: a key needs no token, and the health is flushed apart from calls."""

    async def find(self, key: str) -> TokenSlot:
        """Return nothing."""
        return TokenSlot(key=key)

    async def lease(self, slot: TokenSlot, *, now: datetime, ttl: timedelta) -> None:
        """Give nothing."""

    async def save(self, slot: Any, *, now: datetime | None = None) -> Any:
        """Keep nothing."""
        return True

    async def fail(self, slot: TokenSlot, failure: TokenFailure) -> None:
        """Keep nothing."""

    async def note_saved(self, key: str, generation: int) -> None:
        """Keep nothing."""

    async def ask(self, request: Any) -> Any:
        """Give nothing."""

    async def keep(self, integration: Integration, grant: Any, token: Any) -> bool:
        """Keep nothing."""
        return True

    async def of_workspace(self, _workspace_id: str) -> dict[str, Health]:
        """Return nothing."""
        return {}

    async def credentials_failed(self, integration: Integration, health: Health) -> None:
        """Tell nobody."""


def runner(url: str, http: HostClients, sandbox: Sandbox) -> RunEndpoint:
    """Return the worker's own handler, with the network, the sandbox and all stages as in earnest."""
    now = datetime.now(UTC)
    integration = Integration(
        id=new_id(),
        workspace_id=new_id(),
        workspace_slug="bench",
        name="shop",
        display_name="Shop",
        provider="rest",
        auth={"type": "api_key_header"},
        config={"base_url": url},
        endpoints=[PLAIN, WHOLE],
        created_by="bench",
        created_at=now,
        updated_at=now,
    )
    vault, nowhere = Vault("benchmark-token-0123"), Nowhere()
    return RunEndpoint(
        integrations=Held(Facts(integration=integration, secrets={"auth.api_key": "sk_live_51Hq0123"})),
        calls=EndpointCalls(
            server=HttpEndpointServer(http, system_clock),
            tokens=Tokens(
                store=nowhere, endpoint=nowhere, rotation=nowhere, naming=vault, clock=system_clock, new_id=new_id
            ),
            health=HealthLog(nowhere, nowhere, system_clock),
            timeout=timedelta(seconds=10),
            monotonic=time.monotonic,
            chance=random.random,
        ),
        evaluator=sandbox,
        naming=vault,
        apps={},
        new_id=new_id,
    )


def contenders(url: str, bare: httpx2.AsyncClient, http: HostClients, run: RunEndpoint) -> dict[str, Call]:
    """Return what takes turns, by name."""
    workspace = new_id()

    def endpoint(name: str) -> Call:
        return lambda: run(EndpointCall(workspace_id=workspace, integration_id="i", endpoint=name, params=PARAMS))

    async def bare_call() -> object:
        return (await bare.post(f"{url}/orders", json=PARAMS)).json()

    async def checked_call() -> object:
        return (await http.call("POST", f"{url}/orders", json=PARAMS)).json()

    return {
        "bare httpx2": bare_call,
        "checked client": checked_call,
        "pipeline, nothing configured": endpoint("plain"),
        "pipeline, every stage": endpoint("whole"),
    }


async def one_after_the_other(call: Call, count: int) -> float:
    """Return the microseconds per call."""
    started = time.perf_counter()
    for _ in range(count):
        await call()
    return (time.perf_counter() - started) / count * 1e6


async def at_once(call: Call, count: int) -> float:
    """Return the calls per second with some in flight."""

    async def some() -> None:
        for _ in range(count // IN_FLIGHT):
            await call()

    started = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))
    return count // IN_FLIGHT * IN_FLIGHT / (time.perf_counter() - started)


async def measure(url: str, rounds: int, calls: int) -> None:
    """Measure and print."""
    settings = OutgoingSettings(allow_http=True, dangerous_allow_private_addresses=True)
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False))
        http = await stack.enter_async_context(HostClients(settings))
        sandbox = Sandbox()
        stack.push_async_callback(sandbox.close)
        named = contenders(url, bare, http, runner(url, http, sandbox))
        times: dict[str, list[float]] = {name: [] for name in named}
        for number in range(rounds + 1):
            for name, call in named.items():
                taken = await one_after_the_other(call, calls)
                if number:  # the first warms up
                    times[name].append(taken)
        floor = statistics.median(times["bare httpx2"])
        print(f"{'':30} {'µs per call':>12} {'more than bare':>15} {'calls/s, ' + str(IN_FLIGHT) + ' in flight':>24}")
        for name, call in named.items():
            median = statistics.median(times[name])
            rate = statistics.median([await at_once(call, calls * 4) for _ in range(3)])
            print(f"{name:30} {median:12.0f} {median - floor:15.0f} {rate:24.0f}")


async def main() -> None:
    """Start the server, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=60, help="per turn")
    parser.add_argument("--serve", type=int, help="be the server, on this port")
    arguments = parser.parse_args()
    if arguments.serve:
        await uvicorn.Server(uvicorn.Config(answer, port=arguments.serve, log_config=None, lifespan="off")).serve()
        return
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.endpoint_pipeline", "--serve", str(port)
    )
    try:
        await ready(port)
        await measure(f"http://127.0.0.1:{port}", arguments.rounds, arguments.calls)
    finally:
        server.terminate()
        await server.wait()


async def ready(port: int) -> None:
    """Return once the server listens."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


if __name__ == "__main__":
    uvloop.run(main())
