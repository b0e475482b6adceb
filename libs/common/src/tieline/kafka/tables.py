"""A compacted topic as a table in memory: read from its start, then followed.

Every replica reads all partitions without a consumer group, so nothing is committed: after a restart the table is
built again from the topic.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import IncomingRecord, decoded
from tieline.settings import KafkaSettings

RECONNECT_WAIT = timedelta(seconds=2)
POLL_MS = 1000

log = logging.getLogger(__name__)


class TopicTable:
    """Follows one compacted topic and hands each record, in order per key, to `apply`.

    `apply` is called synchronously, must not raise and must be safe to repeat: after a reconnect the topic is read
    from its start again. `caught_up` is set once all that was in the topic at the start has been applied.
    """

    def __init__(
        self, settings: KafkaSettings, *, topic: str, client_id: str, apply: Callable[[IncomingRecord], None]
    ) -> None:
        self._settings = settings
        self._topic = settings.topic_prefix + topic
        self._client_id = client_id
        self._apply = apply
        self._ends: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled; reconnects for ever."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                log.warning("lost a topic, reading it again", extra={"topic": self._topic, "reason": str(error)})
                await asyncio.sleep(RECONNECT_WAIT.total_seconds())

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **connection_arguments(self._settings),
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=int(self._settings.request_timeout.total_seconds() * 1000),
        )
        try:
            await consumer.start()
            partitions = await self._partitions(consumer)
            consumer.assign(partitions)
            self._ends = await consumer.end_offsets(partitions)
            begins = await consumer.beginning_offsets(partitions)
            self._positions = {partition: begins[partition] for partition in partitions}
            for partition in partitions:
                consumer.seek(partition, begins[partition])
            self._note_progress()
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                    for record in records:
                        self._apply(decoded(record))
                    self._positions[partition] = await consumer.position(partition)
                self._note_progress()
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

    def _note_progress(self) -> None:
        # The last offsets of a compacted topic may be gone, so the position, not the last record seen, is compared.
        if all(self._positions[partition] >= end for partition, end in self._ends.items()):
            self.caught_up.set()
