"""The topic of run events, read once per process from its end, and read again from an earlier offset where needed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from tieline.contracts.sync import sync_event_adapter
from tieline.errors import KafkaUnavailableError
from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import IncomingRecord, decoded
from tieline.settings import KafkaSettings
from tieline.topics import SYNC_EVENTS

from tieline_gateway.adapters.run_feed import Entry, RunFeed

POLL_MS = 500
RECONNECT_WAIT = timedelta(seconds=1)
READS_AT_ONCE = 8  # consumers that read earlier events, each with a connection and a buffer of its own

log = logging.getLogger(__name__)


class RunTail:
    """Follows all partitions without a consumer group. `ready` tells whether they are being read."""

    def __init__(self, settings: KafkaSettings, *, client_id: str, draining: Callable[[], bool]) -> None:
        self._settings = settings
        self._topic = settings.topic_prefix + SYNC_EVENTS
        self._client_id = client_id
        self._draining = draining
        self._positions: dict[int, int] = {}
        self._feeds: dict[str, RunFeed] = {}
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
        self.ready = asyncio.Event()

    def follow(self, run_id: str) -> RunFeed:
        """Return the feed of a run, to be entered at once; it covers everything from now on."""
        if run_id not in self._feeds:
            self._feeds[run_id] = RunFeed(self._positions, lambda: self._forget(run_id))
        return self._feeds[run_id]

    async def run(self) -> None:
        """Follow the topic until cancelled; reconnects for ever, going on where it left off."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                log.warning("lost the run events, connecting again", extra={"reason": str(error)})
                await asyncio.sleep(RECONNECT_WAIT.total_seconds())
            finally:
                self.ready.clear()

    async def entry_at(self, partition: int, offset: int) -> Entry | None:
        """Return the event at an offset, None when there is none (any more). Raises KafkaUnavailableError."""
        if partition not in self._positions:
            return None
        entries, _ = await self.read(partition, offset, offset + 1, run_id=None)
        return entries[0] if entries else None

    async def read(
        self, partition: int, start: int, end: int, *, run_id: str | None, most: int = 1000
    ) -> tuple[list[Entry], int]:
        """Return up to `most` events of a run (of any, for None) from `start` up to, not including, `end`.

        Also returns the offset to go on from. What retention has removed is left out. Raises KafkaUnavailableError.
        """
        async with self._reading:
            try:
                async with self._consumer() as consumer:
                    found = TopicPartition(self._topic, partition)
                    return await _read(consumer, found, start, end, run_id=run_id, most=most)
            except (KafkaError, OSError) as error:
                raise KafkaUnavailableError(f"run events could not be read: {error}") from error

    async def _follow(self) -> None:
        async with self._consumer() as consumer:
            partitions = await self._partitions(consumer)
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for partition in partitions:
                at = self._positions.setdefault(partition.partition, ends[partition])
                consumer.seek(partition, min(at, ends[partition]))
            self.ready.set()
            while True:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for record in records:
                        self._hand_out(decoded(record))
                if self._draining():
                    for feed in self._feeds.values():
                        feed.end()

    def _hand_out(self, record: IncomingRecord) -> None:
        self._positions[record.partition] = record.offset + 1
        feed = self._feeds.get(record.headers.get("ce_subject", ""))
        if feed is not None and (entry := entry_of(record)) is not None:
            feed.append(entry)

    def _forget(self, run_id: str) -> None:
        self._feeds.pop(run_id, None)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **connection_arguments(self._settings),
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=int(self._settings.request_timeout.total_seconds() * 1000),
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        while True:
            found = await consumer._client.fetch_all_metadata()  # noqa: SLF001 - no public call refreshes an unassigned topic
            numbers = found.partitions_for_topic(self._topic)
            if numbers:
                return [TopicPartition(self._topic, number) for number in sorted(numbers)]
            log.warning("waiting for a topic to be created", extra={"topic": self._topic})
            await asyncio.sleep(RECONNECT_WAIT.total_seconds())


async def _read(
    consumer: AIOKafkaConsumer, partition: TopicPartition, start: int, end: int, *, run_id: str | None, most: int
) -> tuple[list[Entry], int]:
    consumer.assign([partition])
    at = max(start, (await consumer.beginning_offsets([partition]))[partition])
    end = min(end, (await consumer.end_offsets([partition]))[partition])
    consumer.seek(partition, at)
    entries: list[Entry] = []
    while at < end:
        for record in (await consumer.getmany(partition, timeout_ms=POLL_MS)).get(partition, ()):
            if record.offset >= end or len(entries) == most:
                return entries, min(record.offset, end)
            entry = entry_of(decoded(record))
            if entry is not None and run_id in {None, entry.event.run_id}:
                entries.append(entry)
        at = await consumer.position(partition)
    return entries, max(at, end)


def entry_of(record: IncomingRecord) -> Entry | None:
    """Return a record's event; None for one that only a newer version knows."""
    try:
        event = sync_event_adapter.validate_json(record.value or b"")
    except ValidationError:
        return None
    return Entry(record.partition, record.offset, event)
