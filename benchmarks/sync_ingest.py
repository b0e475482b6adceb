"""Syncing a large table, next to what writing the same documents costs bare.

    python -m benchmarks.sync_ingest [--records 100000] [--batch-sizes 1000,100,5:10000]

Starts the embedded broker and database, a stand-in for ServiceNow with records of 46 columns, and a sync worker, each a
process. A run is commanded over Kafka and fetches, stores, ingests and versions every record. The floor, in the same
run: the very documents that the run left, written with PyMongo's `bulk_write` in batches of the same size, into a
collection with the same indexes and into one without any. Then a sync that finds nothing new, what one progress event
costs, and the worker's peak memory after a tenth of the records and after all of them.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pymongo import AsyncMongoClient, InsertOne
from tieline.contracts.sync import RunCompleted, RunProgress
from tieline.kafka.producer import RecordProducer
from tieline.settings import KafkaSettings, MongoSettings
from tieline.topics import apply_topics
from tieline_sync.adapters.mongo.database import INDEXES, RECORDS
from tieline_sync.adapters.run_events import KafkaEvents
from tieline_sync.domain.datasets import dataset_id_of
from tieline_sync.settings import RunSettings

from tests.integration.sync.bench import SyncBench, followed, sync_settings
from tests.support.registry_stub import WORKSPACE, registry_stub
from tests.support.servers import embedded_kafka, embedded_mongo
from tests.support.stand_in_process import servicenow_process
from tests.support.sync_process import sync_process

Documents = list[dict[str, Any]]
EVENTS = 500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument(
        "--batch-sizes",
        default="1000,100,5:10000",
        help="each may have its own number of records: the database is slow",
    )
    arguments = parser.parse_args()
    with embedded_kafka() as kafka, embedded_mongo() as mongo, tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(kafka, mongo, Path(folder), arguments))


async def measure(kafka_server: str, mongo: str, folder: Path, arguments: argparse.Namespace) -> None:
    """Run everything on one pair of servers."""
    print(
        "batch  records  run s  records/s  ingest/s  bulk_write/s  without indexes/s  run ratio  ingest ratio  peak MiB"
    )
    for stated in arguments.batch_sizes.split(","):
        batch_size, _, own = stated.partition(":")
        records = int(own or arguments.records)
        async with a_bench(kafka_server, mongo, f"bench{batch_size}", folder, records) as (bench, url):
            await one_size(bench, url, int(batch_size), records, folder)
    async with a_bench(kafka_server, mongo, "memory", folder, arguments.records // 10) as (bench, url):
        async with sync_process(bench.settings, folder / "log") as worker:
            await bench.sync(bench.servicenow(url), batch_size=1000, within=3600)
            print(f"peak memory of the worker for {arguments.records // 10:,} records: {peak_mib(worker.pid):.0f} MiB")
        await cost_of_an_event(bench)


async def one_size(bench: SyncBench, url: str, batch_size: int, records: int, folder: Path) -> None:
    """Print one line of the table; for the first size also the time of a sync that finds nothing new."""
    integration = bench.servicenow(url)
    async with sync_process(bench.settings, folder / "log") as worker:
        events = await bench.sync(integration, batch_size=batch_size, within=7200)
        peak = peak_mib(worker.pid)
        again = await bench.sync(integration, within=600)
    completed = events[-1]
    assert isinstance(completed, RunCompleted)
    assert (completed.added, completed.dataset_version) == (records, 1)
    ingest_starts = next(event.at for event in events if isinstance(event, RunProgress) and event.total)
    run_seconds = (completed.at - events[1].at).total_seconds()
    ingest_seconds = (completed.at - ingest_starts).total_seconds()
    stored = await documents(bench, integration)
    with_indexes = len(stored) / await bare(bench, stored, batch_size, indexed=True)
    without = len(stored) / await bare(bench, stored, batch_size, indexed=False)
    print(
        f"{batch_size:5} {records:8,} {run_seconds:6.1f} {records / run_seconds:10,.0f}"
        f" {records / ingest_seconds:9,.0f} {with_indexes:13,.0f} {without:18,.0f}"
        f" {records / run_seconds / with_indexes:10.2f} {records / ingest_seconds / with_indexes:13.2f} {peak:9.0f}"
    )
    nothing = again[-1]
    assert isinstance(nothing, RunCompleted)
    assert nothing.total == 0
    seconds = (nothing.at - again[1].at).total_seconds()
    print(f"      a sync that finds nothing new: {seconds * 1000:.0f} ms", flush=True)


async def documents(bench: SyncBench, integration: str) -> Documents:
    """Return what the run stored."""
    async with client(bench) as database:
        wanted = {"dataset_id": dataset_id_of(WORKSPACE, integration)}
        found: Documents = await database[RECORDS].find(wanted, batch_size=5000).to_list()
        return found


async def bare(bench: SyncBench, stored: Documents, batch_size: int, *, indexed: bool) -> float:
    """Return the seconds that PyMongo's `bulk_write` alone takes; for small batches of the first 10,000, scaled up."""
    part = stored if batch_size >= 100 else stored[:10_000]
    async with client(bench) as database:
        target = database[f"bare_{'indexed' if indexed else 'plain'}"]
        if indexed:
            await target.create_indexes(INDEXES[RECORDS])
        started = time.perf_counter()
        for first in range(0, len(part), batch_size):
            batch = [InsertOne(document) for document in part[first : first + batch_size]]
            await target.bulk_write(batch, ordered=False)
        seconds = time.perf_counter() - started
    return seconds * len(stored) / len(part)


async def cost_of_an_event(bench: SyncBench) -> None:
    """Print what publishing one progress event takes, one after the other."""
    async with RecordProducer(bench.settings.kafka, client_id="bench") as producer:
        events = KafkaEvents(producer)
        sample = next(one.event for one in bench.log.published if isinstance(one.event, RunProgress))
        started = time.perf_counter()
        for sequence in range(EVENTS):
            await events.publish(sample.model_copy(update={"sequence": sequence}))
        each = (time.perf_counter() - started) / EVENTS
    print(f"a progress event of {len(sample.to_json()):,} bytes, published and acknowledged: {each * 1000:.2f} ms")


def peak_mib(process_id: int) -> float:
    """Return the most memory a process has held."""
    status = Path(f"/proc/{process_id}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


@asynccontextmanager
async def client(bench: SyncBench) -> AsyncIterator[Any]:
    """Yield the database."""
    async with AsyncMongoClient[dict[str, Any]](bench.settings.mongo.url.get_secret_value()) as connected:
        yield connected[bench.settings.mongo.database]


@asynccontextmanager
async def a_bench(
    kafka_server: str, mongo: str, name: str, folder: Path, records: int
) -> AsyncIterator[tuple[SyncBench, str]]:
    """Yield a workbench with topics and a database of its own, and the address of an instance with many incidents."""
    kafka = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=f"{name}.")
    await apply_topics(kafka)
    async with (
        registry_stub() as (registry, registry_url),
        RecordProducer(kafka, client_id="bench") as producer,
        followed(kafka) as log,
        servicenow_process("--servicenow-incidents", str(records)) as url,
    ):
        settings = sync_settings(kafka, mongo, name, registry_url)
        patient = settings.outgoing.model_copy(update={"timeout": timedelta(seconds=30)})
        settings = settings.model_copy(update={"sync": RunSettings(), "outgoing": patient})
        settings = settings.model_copy(update={"mongo": MongoSettings(url=SecretStr(mongo), database=name)})
        yield SyncBench(settings, registry, producer, log), url
    del folder


if __name__ == "__main__":
    main()
