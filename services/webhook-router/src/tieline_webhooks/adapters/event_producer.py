"""The Kafka producer behind the event log, a batch at a time."""

import asyncio
import logging
import math

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from tieline.kafka.connection import connection_arguments
from tieline.settings import KafkaSettings

from tieline_webhooks.adapters.event_records import EncodedRecord
from tieline_webhooks.adapters.partitions import partition_of

RECONNECT_SECONDS = 1.0

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What a broker says to a batch that it will never take."""

log = logging.getLogger(__name__)


class RecordBatch:
    """Records of one partition, being collected."""

    __slots__ = ("builder",)

    def __init__(self, builder: BatchBuilder) -> None:
        self.builder = builder

    def add(self, record: EncodedRecord) -> bool:
        """Add a record; False when there is no room. A first record fits whatever its size."""
        added = self.builder.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
        return added is not None


class EventProducer:
    """An idempotent producer for one topic, which can be connected again after it broke."""

    def __init__(self, settings: KafkaSettings, *, topic: str, client_id: str) -> None:
        self._settings = settings
        self._topic = settings.topic_prefix + topic
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._partitions = 0

    async def connect(self) -> None:
        """Connect, trying for ever, and learn how many partitions the topic has. Does nothing when connected."""
        while self._producer is None:
            try:
                await self._try_to_connect()
            except (KafkaError, TimeoutError, OSError) as error:
                log.info("Kafka is not there yet", extra={"reason": str(error) or type(error).__name__})
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _try_to_connect(self) -> None:
        producer = AIOKafkaProducer(
            **connection_arguments(self._settings),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=self._settings.max_batch_bytes,
            request_timeout_ms=int(self._settings.request_timeout.total_seconds() * 1000),
        )
        try:
            # Whoever gave a batch must learn what became of it. aiokafka would give up one that waits for a leader for
            # the request time-out, also one that it has sent already and whose acknowledgement was lost.
            producer._message_accumulator._batch_ttl = math.inf  # noqa: SLF001 - there is no setting for it alone
            async with asyncio.timeout(self._settings.request_timeout.total_seconds()):
                await producer.start()
                self._partitions = len(await producer.partitions_for(self._topic))
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def disconnect(self) -> None:
        """Let go of the producer; what it has not sent yet is given up."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(1.0):
                await producer.stop()
        except (KafkaError, TimeoutError) as error:
            log.info("the producer was dropped", extra={"reason": str(error) or type(error).__name__})

    def partition_of(self, key: bytes) -> int:
        """Return the partition of a key; call it only when connected."""
        return partition_of(key, self._partitions)

    def leader_of(self, partition: int) -> int | None:
        """Return the broker that a partition's records go to now; None while that is not known."""
        leader: int | None = self._connected().client.cluster.leader_for_partition(
            TopicPartition(self._topic, partition)
        )
        return leader

    def new_batch(self) -> RecordBatch:
        """Return an empty batch. Raises KafkaError when not connected."""
        return RecordBatch(self._connected().create_batch())

    async def send(self, batch: RecordBatch, partition: int) -> "asyncio.Future[None]":
        """Queue a batch and return a future of its acknowledgement, which idempotent retries may delay for long.

        Raises KafkaError when it could not be queued.
        """
        sent: asyncio.Future[None] = await self._connected().send_batch(batch.builder, self._topic, partition=partition)
        return sent

    def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise KafkaError("not connected")
        return self._producer
