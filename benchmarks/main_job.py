"""The main job through HTTP on a whole local stack: how long a save and a webhook take.

    python -m benchmarks.main_job [--saves 300] [--webhooks 200]

Starts a stack of its own in a temporary folder. The floor is `GET /healthz` of the same gateway: a request that does
nothing. A save crosses Kafka twice and MongoDB once; a webhook is answered when Kafka has it, and delivered when the
stand-in for Slack has accepted the message.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2

PORT_BASE = 9700
SECRET = "benchmark-secret"
DELIVERY_SECONDS = 60.0


def main() -> int:
    """Start a stack, measure, print one table, stop the stack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saves", type=int, default=300)
    parser.add_argument("--webhooks", type=int, default=200)
    parser.add_argument("--port-base", type=int, default=PORT_BASE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tieline-bench-") as folder:
        tieline = [sys.executable, "-m", "tieline_cli"]
        started = subprocess.run(
            [*tieline, "up", "--detach", "--data-dir", folder, "--port-base", str(arguments.port_base)],
            check=False,
            stdout=subprocess.PIPE,
            text=True,
        )
        if started.returncode:
            print(started.stdout)
            return 1
        try:
            endpoints = json.loads((Path(folder) / "endpoints.json").read_text())
            rows = asyncio.run(measure(endpoints, saves=arguments.saves, webhooks=arguments.webhooks))
        finally:
            subprocess.run([*tieline, "down", "--data-dir", folder], check=True, stdout=subprocess.DEVNULL)
    print(f"{'':44}{'n':>6}{'p50 ms':>10}{'p99 ms':>10}{'per s':>10}")
    for name, (times, wall) in rows.items():
        print(f"{name:44}{len(times):>6}{median(times):>10.1f}{p99(times):>10.1f}{len(times) / wall:>10.0f}")
    return 0


async def measure(endpoints: dict[str, Any], *, saves: int, webhooks: int) -> dict[str, tuple[list[float], float]]:
    """Return, by name, each call's milliseconds and the seconds all of them took."""
    headers = {"x-api-key": endpoints["api_key"], "x-org-id": endpoints["org"]}
    limits = httpx2.Limits(max_connections=64)
    async with httpx2.AsyncClient(
        base_url=endpoints["gateway"], headers=headers, timeout=30, limits=limits, trust_env=False
    ) as http:
        rows = {}
        for concurrency in (1, 32):
            rows[f"GET /healthz, {concurrency} at a time (floor)"] = await timed(
                lambda: ok(http.get("/healthz")), count=saves, concurrency=concurrency
            )
            rows[f"surface A save, {concurrency} at a time"] = await timed(
                lambda: save(http), count=saves, concurrency=concurrency
            )
        slack = endpoints["simulators"]["slack"]
        await prepare_webhooks(http, slack)
        await until_verified(http)
        rows["webhook, POST to 200, 1 at a time"] = await timed(
            lambda: post_webhook(http, uuid.uuid4().hex), count=webhooks, concurrency=1
        )
        rows["webhook, POST to 200, 32 at a time"] = await timed(
            lambda: post_webhook(http, uuid.uuid4().hex), count=webhooks, concurrency=32
        )
        rows["webhook, POST to delivered, 1 at a time"] = await deliveries(http, slack, count=20)
    return rows


async def timed(call: Callable[[], Awaitable[object]], *, count: int, concurrency: int) -> tuple[list[float], float]:
    """Make `count` calls, `concurrency` at a time, after a few that are not counted."""
    times: list[float] = []
    for _ in range(min(5, count)):
        await call()
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            began = time.perf_counter()
            await call()
            times.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    return times, time.perf_counter() - began


async def ok(answering: Awaitable[httpx2.Response], status: int = 200) -> httpx2.Response:
    """Return the answer; stop the benchmark if it is not what was asked for."""
    answer = await answering
    if answer.status_code != status:
        raise SystemExit(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text}")
    return answer


async def save(http: httpx2.AsyncClient) -> None:
    """Save a new integration with a secret."""
    body = {
        "name": "Benchmark",
        "integration_type": "linear",
        "auth_data": {"access_token": "benchmark-token"},
        "scope_data": {"workspace_id": "acme"},
    }
    await ok(http.post("/api/v2/integrations/save", json=body))


async def prepare_webhooks(http: httpx2.AsyncClient, slack: str) -> None:
    """Configure Sentry and Slack, and one route to a channel per message, so that no channel's limit is measured."""
    sentry = {"authToken": "t", "organization": "acme", "project": "api", "webhookSecret": SECRET}
    await ok(http.post("/api/integrations/configure", json={"integration": "sentry", "config": sentry}))
    await ok(
        http.post(
            "/api/integrations/configure",
            json={"integration": "slack", "config": {"botToken": "xoxb-benchmark", "baseUrl": slack}},
        )
    )


async def until_verified(http: httpx2.AsyncClient) -> None:
    """Wait until the webhook router has learned the secret: events that tell of it are on their way."""
    body = b'{"action":"created","data":{"issue":{"id":"first","title":"First","project":{"slug":"quiet"}}}}'
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    deadline = time.perf_counter() + DELIVERY_SECONDS
    while time.perf_counter() < deadline:
        headers = {"content-type": "application/json", "sentry-hook-signature": signature}
        if (await http.post("/api/webhooks/sentry", content=body, headers=headers)).status_code == httpx2.codes.OK:
            return
        await asyncio.sleep(0.05)
    raise SystemExit("the webhook router did not learn the secret")


async def post_webhook(http: httpx2.AsyncClient, issue: str, project: str = "quiet") -> None:
    """Post one signed webhook, a new issue."""
    issue_facts = {"id": issue, "title": f"Benchmark {issue}", "level": "error", "project": {"slug": project}}
    body = json.dumps({"action": "created", "data": {"issue": issue_facts}}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    await ok(
        http.post(
            "/api/webhooks/sentry",
            content=body,
            headers={"content-type": "application/json", "sentry-hook-signature": signature},
        )
    )


async def deliveries(http: httpx2.AsyncClient, slack: str, *, count: int) -> tuple[list[float], float]:
    """Post webhooks one at a time, each to a channel of its own, and wait until the stand-in has the message."""
    times = []
    began_all = time.perf_counter()
    for number in range(count):
        project = f"bench-{number}"
        route = {"eventType": "sentry.*", "channel": "slack", "channelId": f"CBENCH{number}", "projectId": project}
        answer = await http.post("/api/channel-routes", json=route)
        if answer.status_code not in {200, 201}:
            raise SystemExit(f"the route was answered {answer.status_code}: {answer.text}")
        await asyncio.sleep(0.2)  # the router learns the route meanwhile; that is not what is measured here
        issue = uuid.uuid4().hex
        began = time.perf_counter()
        await post_webhook(http, issue, project)
        await delivered(http, slack, issue)
        times.append((time.perf_counter() - began) * 1000)
    return times, time.perf_counter() - began_all


async def delivered(http: httpx2.AsyncClient, slack: str, issue: str) -> None:
    """Wait until the stand-in for Slack has accepted the message about `issue`."""
    deadline = time.perf_counter() + DELIVERY_SECONDS
    while time.perf_counter() < deadline:
        if issue in (await http.get(f"{slack}/_received")).text:
            return
        await asyncio.sleep(0.002)
    raise SystemExit(f"the message about {issue} was not delivered within {DELIVERY_SECONDS:g} s")


def median(times: list[float]) -> float:
    """Return the middle one."""
    return statistics.median(times)


def p99(times: list[float]) -> float:
    """Return the time that 99 of 100 calls stay under."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


if __name__ == "__main__":
    sys.exit(main())
