"""What each service takes of processor and memory, at rest and under the three kinds of load: what sizes follow from.

    python -m benchmarks.footprint [--seconds 10] [--webhooks-per-second 60] [--records 10000]

Starts one replica of each service as a process on the embedded broker and database. Then, one after the other: nothing;
saves through the gateway, as fast as 32 callers get their answers; signed webhooks of 4 KB at a steady rate, each
delivered to a stand-in for a channel; a sync of a table. Processor time and memory are read from /proc: time per
operation over a whole load with what came of it, memory as the highest of that load. Needs Linux.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import platform
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
from tieline.settings import KafkaSettings

from benchmarks.webhook_load import a_body
from tests.support.cluster import Cluster, running_cluster
from tests.support.servers import database_on, embedded_kafka, embedded_mongo
from tests.support.waiting import eventually

SECRET = "footprint-secret"
CHANNEL_SECRET = "whsec_Zm9vdHByaW50LXNlY3JldC1vZi0yNC1ieXQ="
CALLERS = 32
ROWS_AT_ONCE = 1_000
SETTLE_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one process took during one load."""

    cpu_seconds: float
    highest_mib: float


class Meter:
    """Reads what processes take, from the moment it is made until asked."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._cpu = {name: _cpu_seconds(pid) for name, pid in pids.items()}
        self.began = time.monotonic()
        for pid in pids.values():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest memory counts from now

    def read(self) -> dict[str, Taken]:
        """Return what was taken until now."""
        return {
            name: Taken(cpu_seconds=_cpu_seconds(pid) - self._cpu[name], highest_mib=_highest_mib(pid))
            for name, pid in self._pids.items()
        }


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _highest_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


class Bench:
    """One cluster and what is asked of it."""

    def __init__(self, cluster: Cluster, http: httpx2.AsyncClient) -> None:
        self._cluster = cluster
        self._http = http
        self._gateway = cluster.address("gateway")
        self._stand_in = f"http://127.0.0.1:{cluster.simulators['webhook']}"
        self._servicenow = f"http://127.0.0.1:{cluster.simulators['servicenow']}"
        self._key = {
            "x-api-key": cluster.workspace.api_key or "",
            "authorization": f"Bearer {cluster.workspace.api_key}",
            "x-org-id": cluster.workspace.slug,
        }

    async def configure(self) -> None:
        """Set up a sender and a channel, and wait until the router knows both."""
        for name, config in (
            ("sentry", {"webhookSecret": SECRET}),
            ("webhook", {"baseUrl": self._stand_in, "webhookSecret": CHANNEL_SECRET}),
        ):
            await self._post("/api/integrations/configure", {"integration": name, "config": config})
        route = {"eventType": "sentry.*", "channel": "webhook", "channelId": f"{self._stand_in}/hook"}
        await self._post("/api/channel-routes", route)
        number = iter(range(10**9, 2 * 10**9))

        async def routed() -> bool:
            return bool((await self._webhook(next(number))).get("routed"))

        await eventually(routed, within=SETTLE_SECONDS, every=0.2)
        await eventually(lambda: self._delivered(1), within=SETTLE_SECONDS, every=0.2)

    async def saves(self, seconds: float) -> int:
        """Save integrations, as fast as the callers get answers; return how many."""
        end = time.monotonic() + seconds
        done = 0

        async def caller() -> None:
            nonlocal done
            while time.monotonic() < end:
                name = uuid.uuid4().hex
                body = {
                    "name": name,
                    "integration_type": "linear",
                    "unique_identifier": name,
                    "auth_data": {"access_token": "sample-token", "token_type": "Bearer"},
                    "scope_data": {"org_slug": "acme"},
                }
                answer = await self._http.post(
                    f"{self._gateway}/api/v2/integrations/save", json=body, headers=self._key
                )
                if answer.status_code == httpx2.codes.OK:
                    done += 1
                else:
                    await asyncio.sleep(0.2)  # 429: the key's own limit

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return done

    async def webhooks(self, seconds: float, rate: float) -> int:
        """Send webhooks at a steady rate, and wait until each was delivered; return how many."""
        before = await self._count()
        sent = int(seconds * rate)
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(sent):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                tasks.create_task(self._webhook(number))
        await eventually(lambda: self._delivered(before + sent), within=SETTLE_SECONDS, every=0.2)
        return sent

    async def sync(self, records: int) -> int:
        """Sync a table of so many incidents; return how many records the stream told."""
        for first in range(0, records, ROWS_AT_ONCE):
            rows = [_incident(number) for number in range(first, min(records, first + ROWS_AT_ONCE))]
            (await self._http.post(f"{self._servicenow}/_rows", json={"rows": rows})).raise_for_status()
        config = {"url": self._servicenow, "username": "admin", "password": "sample-password"}
        created = await self._post(
            "/integrations/create",
            {"service_name": "ServiceNow", "auth_type": "basic_auth", "config": config, "is_active": True},
        )
        path = f"{self._gateway}/integrations/sync/{created['integration']['id']}?batch_size=500"
        told = ""
        async with self._http.stream("POST", path, headers=self._key, timeout=300) as answer:
            async for text in answer.aiter_text():
                told = (told + text)[-20_000:]
        if "event: complete" not in told:
            raise RuntimeError(told[-500:])
        return records

    async def _webhook(self, number: int) -> dict[str, object]:
        body = a_body(number)
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        answer = await self._http.post(
            f"{self._cluster.address('webhook_router')}/api/webhooks/sentry",
            content=body,
            headers={
                "content-type": "application/json",
                "sentry-hook-resource": "issue",
                "sentry-hook-signature": signature,
                "x-org-id": self._cluster.workspace.slug,
            },
        )
        found: dict[str, object] = answer.raise_for_status().json()
        return found

    async def _count(self) -> int:
        answer = await self._http.get(
            f"{self._gateway}/v1/{self._cluster.workspace.workspace_id}/ledger", headers=self._key
        )
        return int(answer.raise_for_status().json()["delivered"])

    async def _delivered(self, count: int) -> bool:
        return await self._count() >= count

    async def _post(self, path: str, body: Mapping[str, object]) -> dict[str, dict[str, object]]:
        answer = await self._http.post(self._gateway + path, json=body, headers=self._key)
        found: dict[str, dict[str, object]] = answer.raise_for_status().json()
        return found


def _incident(number: int) -> dict[str, str]:
    return {
        "sys_id": f"{number:032x}",
        "number": f"INC{number:07d}",
        "short_description": f"Checkout answers slowly ({number})",
        "description": "x" * 600,
        "state": "2",
        "priority": "3",
    }


def report(
    load: str, unit: str, done: int, *, seconds: float, taken: Mapping[str, Taken], rest: Mapping[str, float]
) -> None:
    """Print one load's table. What a process takes at `rest`, in cores, is no part of it."""
    print(f"\n{load}: {done} {unit} in {seconds:.1f} s, {done / seconds:.0f} a second" if done else f"\n{load}")
    head = f"ms of processor per {unit[:-1]}" if done else "processor, thousandths of a core"
    print(f"  {'process':<16}{head:>34}{'highest memory, MiB':>22}")
    for name, each in taken.items():
        spent = (each.cpu_seconds - rest.get(name, 0.0) * seconds) * 1000 / (done or seconds)
        print(f"  {name:<16}{spent:>34.2f}{each.highest_mib:>22.0f}")


async def measure(options: argparse.Namespace) -> None:
    """Start everything, measure, print."""
    with (
        embedded_kafka() as kafka,
        embedded_mongo() as mongo,
        database_on(mongo) as database,
        tempfile.TemporaryDirectory(prefix="tieline-footprint-") as folder,
    ):
        settings = KafkaSettings(bootstrap_servers=kafka)
        async with (
            running_cluster(Path(folder), kafka=settings, mongo_url=mongo, database=database, replicas=1) as cluster,
            httpx2.AsyncClient(timeout=30, trust_env=False, limits=httpx2.Limits(max_connections=256)) as http,
        ):
            bench = Bench(cluster, http)
            await bench.configure()
            pids = cluster.pids()
            meter = Meter(pids)
            await asyncio.sleep(options.seconds)
            seconds, taken = time.monotonic() - meter.began, meter.read()
            report("at rest", "", 0, seconds=seconds, taken=taken, rest={})
            rest = {name: each.cpu_seconds / seconds for name, each in taken.items()}
            loads: list[tuple[str, str, Callable[[], Awaitable[int]]]] = [
                ("saves", "saves", partial(bench.saves, options.seconds)),
                ("webhooks", "webhooks", partial(bench.webhooks, options.seconds, options.webhooks_per_second)),
                ("a sync", "records", partial(bench.sync, options.records)),
            ]
            for load, unit, work in loads:
                meter = Meter(pids)
                done = await work()
                seconds = time.monotonic() - meter.began
                report(load, unit, done, seconds=seconds, taken=meter.read(), rest=rest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--webhooks-per-second", type=float, default=60.0)
    parser.add_argument("--records", type=int, default=10_000)
    load, python = os.getloadavg()[0], sys.version.split()[0]
    print(f"{platform.machine()}, {os.cpu_count()} processors, load {load:.1f}, Python {python}")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
