"""Many clients on one run's stream: the gateway's memory for each, and how long an event takes to reach them.

    python -m benchmarks.stream_clients [--clients 1,1000] [--rates 10,50] [--seconds 8]

Starts the embedded broker and one gateway, a process each. This process publishes progress events of five incidents at
a fixed rate; a process of its own holds all the clients. An event's latency is from before it is published to when a
client has its frame, both on the clock of this machine. One client, in the same run, is the floor.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tieline.contracts.sync import RunProgress
from tieline.contracts.sync_reads import RunSummary
from tieline.ids import new_id
from tieline.kafka.producer import RecordProducer
from tieline.settings import KafkaSettings
from tieline.topics import apply_topics
from tieline_cli.keys import SystemKeys
from tieline_cli.processes.ports import free_port
from tieline_gateway.domain.stream_tokens import StreamClaim, StreamTokens
from tieline_sync.adapters.run_events import KafkaEvents

from tests.support.http_server import serving
from tests.support.registry_stub import TOKEN, WORKSPACE, registry_stub
from tests.support.servers import embedded_kafka
from tests.support.waiting import eventually

INTEGRATION = "550e8400-e29b-41d4-a716-446655440000"
LABELS = [f"INC{number:07}" for number in range(5)]
SENT = re.compile(rb'"message":"sent at ([0-9.]+)"')
TOGETHER = 50  # clients that connect at once


def main() -> None:
    """Measure and print; with --hold be the process that holds the clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", default="1,1000")
    parser.add_argument("--rates", default="10,50")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--hold", nargs=2, metavar=("URL", "CLIENTS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if arguments.hold:
            runner.run(hold(arguments.hold[0], int(arguments.hold[1])))
            return
        with embedded_kafka() as kafka, tempfile.TemporaryDirectory() as folder:
            runner.run(measure(kafka, Path(folder), arguments))


async def measure(kafka_server: str, folder: Path, arguments: argparse.Namespace) -> None:
    """Print a line for each number of clients and rate."""
    kafka = KafkaSettings(bootstrap_servers=kafka_server)
    await apply_topics(kafka)
    print("clients  events/s  frames/s  p50 ms  p99 ms  largest ms  gateway MiB  KiB a client")
    async with RecordProducer(kafka, client_id="bench") as producer:
        events = KafkaEvents(producer)
        for clients in map(int, arguments.clients.split(",")):
            for rate in map(float, arguments.rates.split(",")):
                async with a_gateway(kafka_server, folder) as gateway:
                    await one(events, gateway, clients=clients, rate=rate, seconds=arguments.seconds)


class Gateway:
    """A gateway process, and the run that its clients follow."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address
        self.run = RunSummary(
            id=new_id(),
            workspace_id=WORKSPACE,
            integration_id=INTEGRATION,
            state="running",
            trigger="manual",
            requested_by="bench",
            requested_at=datetime.now(UTC),
            batch_size=5,
            events_partition=0,
            events_from=0,
        )

    def mib(self) -> float:
        """Return the memory that the process holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def progress(self, sequence: int) -> RunProgress:
        """Return the next event, which says when it was sent."""
        return RunProgress(
            run_id=self.run.id,
            workspace_id=WORKSPACE,
            integration_id=INTEGRATION,
            sequence=sequence,
            at=datetime.now(UTC),
            batch=sequence,
            total_batches=100_000,
            total=500_000,
            record_ids=LABELS,
            message=f"sent at {time.monotonic():.6f}",
        )


async def one(events: KafkaEvents, gateway: Gateway, *, clients: int, rate: float, seconds: float) -> None:
    """Connect the clients, publish, print."""
    partition, offset = await events.publish(gateway.progress(1))
    gateway.run = gateway.run.model_copy(update={"events_partition": partition, "events_from": offset})
    claim = StreamClaim(
        workspace_id=WORKSPACE,
        integration_id=INTEGRATION,
        run_id=gateway.run.id,
        expires_at=datetime.now(UTC) + timedelta(minutes=15),
    )
    url = f"{gateway.address}/integrations/sync/{INTEGRATION}/events?stream_token={StreamTokens(TOKEN).issue(claim)}"
    before = gateway.mib()
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.stream_clients", "--hold", url, str(clients)),
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"connected\n"
    started, count = time.monotonic(), int(rate * seconds)
    for number in range(count):
        await asyncio.sleep(max(started + number / rate - time.monotonic(), 0))
        await events.publish(gateway.progress(number + 2))
    after = gateway.mib()
    await asyncio.sleep(1)
    told, _ = await holder.communicate(b"\n")
    found = orjson.loads(told)
    assert found["frames"] == count * clients, f"{count * clients - found['frames']} frames have not come"
    print(
        f"{clients:7,} {rate:9g} {count * clients / seconds:9,.0f} {found['p50']:7.1f} {found['p99']:7.1f}"
        f" {found['largest']:11.1f} {after:12.0f} {(after - before) * 1024 / clients:13.0f}",
        flush=True,
    )


@asynccontextmanager
async def a_gateway(kafka_server: str, folder: Path) -> AsyncIterator[Gateway]:
    """Run a gateway that knows one run."""
    port = free_port()

    async def find_run(_request: Request) -> Response:
        return Response(gateway.run.model_dump_json(), media_type="application/json")

    worker = Starlette(routes=[Route("/internal/runs/find", find_run, methods=["POST"])])
    async with registry_stub() as (_, registry_url), serving(worker) as worker_url:
        settings = {
            "TIELINE_KAFKA__BOOTSTRAP_SERVERS": kafka_server,
            "TIELINE_INTERNAL__TOKEN": TOKEN,
            "TIELINE_INTERNAL__REGISTRY_URL": registry_url,
            "TIELINE_INTERNAL__SYNC_WORKER_URL": worker_url,
            "TIELINE_SECRETS__SEALING_PUBLIC_KEY": SystemKeys.generate("bench").sealing_public_key,
            "TIELINE_HTTP__PORT": str(port),
        }
        with (folder / "gateway.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tieline_gateway"), env=os.environ | settings, stdout=log, stderr=log
            )
        gateway = Gateway(process, f"http://127.0.0.1:{port}")
        try:
            await eventually(lambda: _is_up(process, port), within=60)
            assert process.returncode is None, (folder / "gateway.log").read_text()[-3000:]
            yield gateway
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _is_up(process: asyncio.subprocess.Process, port: int) -> bool:
    """Tell whether a gateway is ready, or has ended."""
    return process.returncode is not None or await _is_ready(port)


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
        status = await reader.readline()
    except OSError:
        return False
    writer.close()
    return b" 200 " in status


async def hold(url: str, clients: int) -> None:
    """Connect, say so, read until told to stop on standard input, print what was read as JSON."""
    latencies: list[float] = []
    connecting = asyncio.Semaphore(TOGETHER)
    started = [asyncio.create_task(follow(url, latencies, connecting)) for _ in range(clients)]
    reading = list(await asyncio.gather(*started))
    print("connected", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    found = {"frames": len(latencies), "p50": cuts[49] * 1000, "p99": cuts[98] * 1000, "largest": max(latencies) * 1000}
    print(orjson.dumps(found).decode())


async def follow(url: str, latencies: list[float], connecting: asyncio.Semaphore) -> "asyncio.Task[None]":
    """Connect one client; once it has the run's first event, go on reading in a task."""
    parts = urlsplit(url)
    async with connecting:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode())
        await reader.readuntil(b"sent at")
        await reader.readuntil(b"\n\n")

    async def read() -> None:
        rest = b""
        while chunk := await reader.read(65_536):
            now = time.monotonic()
            whole, _, rest = (rest + chunk).rpartition(b"\n\n")
            latencies.extend(now - float(sent) for sent in SENT.findall(whole))
        writer.close()

    return asyncio.create_task(read())


if __name__ == "__main__":
    main()
