"""A workbench for syncs: topics, a registry stub, a ServiceNow stand-in, and workers in this process."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from tieline.contracts.sync import (
    CancelRun,
    RunAttached,
    RunCompleted,
    RunFailed,
    RunProgress,
    RunQueued,
    StartRun,
    sync_event_adapter,
)
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.settings import InternalSettings, KafkaSettings, MongoSettings, OutgoingSettings
from tieline.topics import SYNC_COMMANDS, SYNC_EVENTS, apply_topics
from tieline_sync.bootstrap import Worker
from tieline_sync.settings import RunSettings, SyncSettings

from tests.support.registry_stub import TOKEN, WORKSPACE, RegistryStub, an_integration, registry_stub

AnyEvent = RunQueued | RunAttached | RunProgress | RunCompleted | RunFailed


@dataclass(frozen=True)
class Published:
    """An event as it stands in the topic."""

    event: AnyEvent
    id: str
    value: bytes
    partition: int
    offset: int


class EventLog:
    """Everything published so far, in order per partition."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self._more = asyncio.Event()

    def add(self, published: Published) -> None:
        self.published.append(published)
        self._more.set()

    def of(self, run_id: str) -> list[Published]:
        return [published for published in self.published if published.event.run_id == run_id]

    async def until_over(self, run_id: str, *, within: float = 30) -> list[Published]:
        """Return the events of a run once its last one is there."""
        async with asyncio.timeout(within):
            while not any(isinstance(one.event, RunCompleted | RunFailed) for one in self.of(run_id)):
                self._more.clear()
                await self._more.wait()
        return self.of(run_id)

    async def until(self, condition: Any, *, within: float = 30) -> None:
        """Return once `condition()` holds; looked at with every new event."""
        async with asyncio.timeout(within):
            while not condition():
                self._more.clear()
                await self._more.wait()


class SyncBench:
    """What a test of syncs works with."""

    def __init__(self, settings: SyncSettings, registry: RegistryStub, producer: RecordProducer, log: EventLog) -> None:
        self.settings = settings
        self.registry = registry
        self.log = log
        self._producer = producer

    def with_runs(self, **changes: Any) -> SyncSettings:
        """Return settings with other run settings."""
        return self.settings.model_copy(update={"sync": self.settings.sync.model_copy(update=changes)})

    def servicenow(self, url: str, **changes: Any) -> str:
        """Configure a ServiceNow integration with user and password; return its id."""
        integration_id = str(uuid.uuid4())
        changes.setdefault("config", {"url": url, "username": "admin"})
        secrets = changes.pop("secrets", {"config.password": "correct horse"})
        self.registry.put(an_integration(integration_id, **changes), secrets)
        return integration_id

    @asynccontextmanager
    async def worker(self, settings: SyncSettings | None = None) -> AsyncIterator[Worker]:
        """Run a worker in this process."""
        worker = Worker(settings or self.settings)
        async with worker.running():
            yield worker

    async def start(self, integration_id: str, *, run_id: str | None = None, batch_size: int | None = None) -> str:
        """Send the command to start a run; return the run's id."""
        run_id = run_id or str(uuid.uuid4())
        command = StartRun(
            run_id=run_id,
            workspace_id=WORKSPACE,
            integration_id=integration_id,
            requested_by="user-1",
            requested_at=datetime.now(UTC),
            batch_size=batch_size,
        )
        await self._send(command)
        return run_id

    async def cancel(self, integration_id: str, run_id: str) -> None:
        """Send the command to cancel a run."""
        await self._send(
            CancelRun(
                run_id=run_id,
                workspace_id=WORKSPACE,
                integration_id=integration_id,
                requested_by="user-2",
                requested_at=datetime.now(UTC),
            )
        )

    async def sync(self, integration_id: str, *, batch_size: int | None = None, within: float = 30) -> list[AnyEvent]:
        """Run a sync to its end; return its events without repetitions."""
        run_id = await self.start(integration_id, batch_size=batch_size)
        return distinct(await self.log.until_over(run_id, within=within))

    async def _send(self, command: StartRun | CancelRun) -> None:
        await self._producer.send(
            OutgoingRecord(
                topic=SYNC_COMMANDS,
                key=command.integration_id,
                value=command.to_json(),
                headers=cloudevent_headers(
                    event_id=f"{command.type}/{command.run_id}",
                    event_type=command.type,
                    source="/tests",
                    time=command.requested_at,
                ),
            )
        )


def distinct(published: Sequence[Published]) -> list[AnyEvent]:
    """Return the events in order, those that were published again once."""
    return list({one.id: one.event for one in published}.values())


def sync_settings(kafka: KafkaSettings, mongo_url: str, database: str, registry_url: str) -> SyncSettings:
    """Return settings that suit tests: plain HTTP to loopback, quick leases."""
    return SyncSettings(
        kafka=kafka,
        mongo=MongoSettings(url=mongo_url, database=database),
        internal=InternalSettings(token=TOKEN, registry_url=registry_url),
        outgoing=OutgoingSettings(
            timeout=timedelta(seconds=2), allow_http=True, dangerous_allow_private_addresses=True
        ),
        sync=RunSettings(lease=timedelta(seconds=2), poll=timedelta(milliseconds=100)),
    )


@asynccontextmanager
async def workbench(kafka_server: str, mongo_server: str, database: str, topic_prefix: str) -> AsyncIterator[SyncBench]:
    """Make a workbench with topics and a database of its own."""
    kafka = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(kafka)
    async with (
        registry_stub() as (registry, address),
        RecordProducer(kafka, client_id="tests") as producer,
        followed(kafka) as log,
    ):
        yield SyncBench(sync_settings(kafka, mongo_server, database, address), registry, producer, log)


@asynccontextmanager
async def followed(kafka: KafkaSettings) -> AsyncIterator[EventLog]:
    """Read the topic of run events into a log."""
    topic = kafka.topic_prefix + SYNC_EVENTS
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    log = EventLog()

    async def follow() -> None:
        consumer.assign([TopicPartition(topic, number) for number in range(12)])
        await consumer.seek_to_beginning()
        async for record in consumer:
            headers = dict(record.headers)
            event = sync_event_adapter.validate_json(record.value)
            log.add(Published(event, headers["ce_id"].decode(), record.value, record.partition, record.offset))

    task = asyncio.create_task(follow())
    try:
        yield log
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()
