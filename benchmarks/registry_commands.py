"""Saving integrations through Kafka and the registry, next to what the same work costs bare.

    python -m benchmarks.registry_commands [--saves 3000] [--in-flight 64] [--many 100000]

Starts the embedded broker, the embedded database, a registry and a gateway of its own. A save is a command on Kafka
with one sealed secret, applied by the registry and answered on the asker's reply partition; it is timed as a command,
and as a request to surface A. Its floors, in the same run: the very documents that the saves left, written one by one
with PyMongo; and a command that is answered by an echo, without any database. Afterwards lists and searches are timed
with a thousand integrations in a workspace and with many.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient
from tieline.contracts.commands import SaveIntegrations
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, decoded
from tieline.kafka.requests import REPLY_PARTITION
from tieline.operator import create_workspace
from tieline.settings import KafkaSettings
from tieline.topics import GATEWAY_REPLIES, REGISTRY_COMMANDS, apply_topics
from tieline_registry.adapters.collections import INTEGRATIONS, indexes
from tieline_registry.settings import RegistrySettings

from benchmarks.registry_lists import time_lists
from tests.support.gateway_process import gateway_process
from tests.support.registry import Asker, a_draft, asking, registry_settings
from tests.support.registry_process import registry_process
from tests.support.servers import embedded_kafka, embedded_mongo

WORKSPACES = 16
WARM_UP = 200


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--saves", type=int, default=3000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument(
        "--many", type=int, default=100_000, help="integrations of the large workspace; 0 leaves it out"
    )
    arguments = parser.parse_args()
    with embedded_kafka() as kafka, embedded_mongo() as mongo:
        asyncio.run(measure(KafkaSettings(bootstrap_servers=kafka), mongo, arguments))


async def measure(kafka: KafkaSettings, mongo: str, arguments: argparse.Namespace) -> None:
    """Run everything on one pair of servers."""
    await apply_topics(kafka)
    settings = registry_settings(kafka, mongo_url=mongo, database="bench")
    with tempfile.TemporaryDirectory() as folder:
        async with registry_process(settings, Path(folder) / "log") as registry:
            await registry.start()
            async with asking(kafka) as asker:
                saved = await time_saves(kafka, asker, arguments)
            print(f"    commands in one transaction: {await together(registry.address):.1f} on average")
            async with gateway_process(kafka, Path(folder) / "gateway", registry_url=registry.address) as gateway:
                await time_requests(kafka, gateway.address, arguments)
            if arguments.many:
                await time_lists(settings, registry.address, many=arguments.many)
            await registry.end()
    await time_bare_writes(settings, saved, arguments)
    await time_echo(kafka.model_copy(update={"topic_prefix": "echo."}), saved, arguments)


async def time_saves(kafka: KafkaSettings, asker: Asker, arguments: argparse.Namespace) -> float:
    """Return saves per second."""
    workspaces = [
        (await create_workspace(kafka, slug=f"bench-{number}", name="Bench")).workspace_id
        for number in range(WORKSPACES)
    ]
    commands = [a_save(asker, workspaces[number % WORKSPACES], number) for number in range(arguments.saves + WARM_UP)]

    async def save(command: SaveIntegrations) -> None:
        assert (await asker.ask(command)).refusal is None

    await all_of(commands[:WARM_UP], save, in_flight=arguments.in_flight)
    return await timed("saved through Kafka and the registry", commands[WARM_UP:], save, arguments.in_flight)


async def time_requests(kafka: KafkaSettings, address: str, arguments: argparse.Namespace) -> None:
    """Save over HTTP, each workspace with its own key."""
    keys = [
        (await create_workspace(kafka, slug=f"http-{number}", name="HTTP")).api_key or ""
        for number in range(WORKSPACES)
    ]
    limits = httpx2.Limits(max_connections=arguments.in_flight)
    async with httpx2.AsyncClient(base_url=address, limits=limits, timeout=60, trust_env=False) as http:

        async def save(number: int) -> None:
            body = {
                "name": f"Integration {number}",
                "integration_type": "sentry",
                "auth_data": {"access_token": f"token-{number}"},
                "scope_data": {"org_slug": "acme", "project_id": f"project-{number}"},
                "metadata": {"instance_name": f"Integration {number}", "description": "n" * 400},
            }
            headers = {"x-api-key": keys[number % WORKSPACES]}
            answer = await http.post("/api/v2/integrations/save", json=body, headers=headers)
            assert answer.status_code == 200, answer.text

        await all_of(range(WARM_UP), save, in_flight=arguments.in_flight)
        await timed("saved through surface A over HTTP", range(arguments.saves), save, arguments.in_flight)


async def together(address: str) -> float:
    """Return how many commands the registry took together, on average."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        lines = (await http.get(f"{address}/metrics")).text.splitlines()
    total, count = (
        next(float(line.split()[1]) for line in lines if line.startswith(f"tieline_registry_commands_together_{what} "))
        for what in ("sum", "count")
    )
    return total / count


def a_save(asker: Asker, workspace_id: str, number: int) -> SaveIntegrations:
    asker.workspace_id = workspace_id
    draft = a_draft(
        f"integration-{number:06}",
        display_name=f"Integration {number}",
        config={"organization": "acme", "project": f"project-{number}", "notes": "n" * 400},
    )
    return asker.save(draft, secrets={"auth.access_token": f"token-{number}"})


async def time_bare_writes(settings: RegistrySettings, saved: float, arguments: argparse.Namespace) -> None:
    """Write what the registry left in its collection into another one, with the same indexes, one by one."""
    kept = settings.registry
    wanted = indexes(commands_kept=kept.commands_kept, audit_kept=kept.audit_kept)[INTEGRATIONS]
    async with AsyncMongoClient[dict[str, Any]](settings.mongo.url.get_secret_value(), w="majority") as client:
        database = client[settings.mongo.database]
        documents = await database[INTEGRATIONS].find({"name": {"$regex": "^integration"}}).to_list()
        for name, in_flight, count in (
            ("one after the other", 1, 500),
            ("at the same concurrency", arguments.in_flight, 2000),
        ):
            collection = database[f"bare_{in_flight}"]
            await collection.create_indexes(wanted)
            rate = await timed(
                f"the same documents by PyMongo, {name}", documents[:count], collection.insert_one, in_flight
            )
            print(f"    a save through Kafka is {saved / rate:.2f} × that rate")


async def time_echo(kafka: KafkaSettings, saved: float, arguments: argparse.Namespace) -> None:
    """Ask an echo instead of the registry, over the same client."""
    await apply_topics(kafka)
    echo = multiprocessing.get_context("spawn").Process(target=run_echo, args=(kafka,), daemon=True)
    echo.start()
    try:
        async with asking(kafka) as asker:
            commands = [
                a_save(asker, f"{number % WORKSPACES:08}-0000-4000-8000-000000000000", number)
                for number in range(arguments.saves + WARM_UP)
            ]

            async def ask(command: SaveIntegrations) -> None:
                await asker.ask(command)

            await all_of(commands[:WARM_UP], ask, in_flight=arguments.in_flight)
            rate = await timed("a bare round trip over Kafka (echo)", commands[WARM_UP:], ask, arguments.in_flight)
            print(f"    a save is {saved / rate:.2f} × that rate")
    finally:
        echo.kill()
        echo.join()


def run_echo(kafka: KafkaSettings) -> None:
    """Answer every command with an empty reply, from a process of its own."""
    asyncio.run(_echo(kafka))


async def _echo(kafka: KafkaSettings) -> None:
    consumer = AIOKafkaConsumer(
        kafka.topic_prefix + REGISTRY_COMMANDS,
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=kafka.topic_prefix + "echo",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    async with RecordProducer(kafka, client_id="echo") as producer:
        while True:
            polled = await consumer.getmany(timeout_ms=1000, max_records=500)
            commands = [decoded(record) for records in polled.values() for record in records]
            replies = [
                OutgoingRecord(
                    topic=GATEWAY_REPLIES,
                    key=command.event_id,
                    value=b'{"command_id":"%s"}' % command.event_id.encode(),
                    partition=int(command.headers[REPLY_PARTITION]),
                    headers={"causation_id": command.event_id},
                )
                for command in commands
            ]
            await producer.send_all(replies)
            if commands:
                await consumer.commit()


async def all_of(items: Sequence[Any], work: Callable[[Any], Awaitable[Any]], *, in_flight: int) -> list[float]:
    """Do `work` for each item, so many at once; return the seconds each took."""
    left = iter(items)
    took = []

    async def worker() -> None:
        for item in left:
            started = time.perf_counter()
            await work(item)
            took.append(time.perf_counter() - started)

    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return took


async def timed(what: str, items: Sequence[Any], work: Callable[[Any], Awaitable[Any]], in_flight: int) -> float:
    """Print and return how many a second were done."""
    started = time.perf_counter()
    took = sorted(await all_of(items, work, in_flight=in_flight))
    rate = len(took) / (time.perf_counter() - started)
    p50, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
    print(f"{what:58} {rate:8.0f}/s at {in_flight:3} in flight, p50 {p50:7.1f} ms, p99 {p99:7.1f} ms")
    return rate


if __name__ == "__main__":
    main()
