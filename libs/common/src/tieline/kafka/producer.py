"""Sending records: acknowledged by all in-sync replicas, idempotent, bounded in time."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    UnknownProducerId,
)
from prometheus_client import Counter

from tieline.errors import KafkaUnavailableError, RecordTooLargeError
from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import OutgoingRecord
from tieline.observability.tracing import producer_span, with_trace_headers
from tieline.settings import KafkaSettings

FIRST_WAIT = timedelta(milliseconds=250)
LONGEST_WAIT = timedelta(seconds=10)
CHECK_TIMEOUT = timedelta(seconds=2)

# The broker no longer knows how far this producer has counted: a topic was deleted and made anew, or lost records. It
# would refuse whatever comes from it for ever; one with a new id begins to count anew.
LOST_COUNT = (OutOfOrderSequenceNumber, UnknownProducerId, ProducerFenced)

FAILURES = Counter("tieline_kafka_send_failures_total", "Sends that Kafka did not acknowledge in time.")

log = logging.getLogger(__name__)


class RecordProducer:
    """An idempotent producer with `acks=all`.

    Records sent together share batches, and records of one key keep their order. `send_all` returns only when every
    record is acknowledged; when it raises, each record may or may not be in the topic, so whoever reads must know ids.
    """

    def __init__(self, settings: KafkaSettings, *, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises KafkaUnavailableError when no broker answers."""
        self._producer = await self._started()

    async def _started(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **connection_arguments(self._settings),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,  # batches form by themselves behind the one request in flight per broker
            max_batch_size=self._settings.max_batch_bytes,
            max_request_size=self._settings.max_batch_bytes + 65_536,
            request_timeout_ms=int(self._settings.request_timeout.total_seconds() * 1000),
        )
        try:
            async with asyncio.timeout(self._settings.request_timeout.total_seconds()):
                await producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await producer.stop()
            raise KafkaUnavailableError(f"no Kafka broker at {self._settings.bootstrap_servers}: {error}") from error
        return producer

    async def start_when_possible(self) -> None:
        """Connect, however long the brokers are away; waits longer between tries, capped."""
        wait = FIRST_WAIT
        while True:
            try:
                await self.start()
            except KafkaUnavailableError as error:
                log.warning("waiting for Kafka", extra={"reason": str(error)})
                await asyncio.sleep(wait.total_seconds())
                wait = min(wait * 2, LONGEST_WAIT)
            else:
                return

    @property
    def connected(self) -> bool:
        """Tell whether the producer has connected; it reconnects by itself from then on."""
        return self._producer is not None

    async def check(self) -> str | None:
        """Return None when a broker answers, else one sentence saying what is missing."""
        if self._producer is None:
            return f"no Kafka broker at {self._settings.bootstrap_servers}"
        try:
            async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
                await self._producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError, OSError) as error:
            return f"no Kafka broker answers: {type(error).__name__}"
        return None

    async def stop(self) -> None:
        """Flush what was sent and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def send(self, record: OutgoingRecord) -> tuple[int, int]:
        """Send one record and return its partition and offset. Raises KafkaUnavailableError."""
        return (await self.send_all([record]))[0]

    async def send_all(self, records: Sequence[OutgoingRecord]) -> list[tuple[int, int]]:
        """Send records in order and return their (partition, offset) once all are acknowledged.

        Raises KafkaUnavailableError when that does not happen within the request time-out, RecordTooLargeError when
        one of them is larger than brokers take.
        """
        producer = self._producer
        if producer is None:
            raise KafkaUnavailableError("the producer is not connected")
        if not records:
            return []
        with producer_span(records[0].topic):
            try:
                async with asyncio.timeout(self._settings.request_timeout.total_seconds()):
                    pending = [await self._enqueue(producer, record) for record in records]
                    sent = await _all_acknowledged(pending)
            except MessageSizeTooLargeError as error:
                raise RecordTooLargeError(f"a record of {records[0].topic} is too large") from error
            except (KafkaError, TimeoutError) as error:
                FAILURES.inc()
                if isinstance(error, LOST_COUNT):
                    await self._begin_anew(producer)
                raise KafkaUnavailableError(f"Kafka did not acknowledge: {error or type(error).__name__}") from error
        return [(metadata.partition, metadata.offset) for metadata in sent]

    async def _begin_anew(self, lost: AIOKafkaProducer) -> None:
        """Take another producer in the place of `lost`, unless that was done meanwhile.

        Raises KafkaUnavailableError when none can be had; then the next failure tries again.
        """
        async with self._renewing:
            if self._producer is not lost:
                return
            log.warning("the broker has lost count of this producer, which begins anew")
            self._producer = await self._started()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
                await lost.stop()
        except (KafkaError, TimeoutError) as error:
            log.info("the former producer was dropped", extra={"reason": str(error) or type(error).__name__})

    async def _enqueue(self, producer: AIOKafkaProducer, record: OutgoingRecord) -> "asyncio.Future[Any]":
        headers = with_trace_headers(record.encoded_headers())
        acknowledgement: asyncio.Future[Any] = await producer.send(
            self._settings.topic_prefix + record.topic,
            value=record.value,
            key=record.key.encode() if record.key else None,
            partition=record.partition,
            headers=headers,
        )
        return acknowledgement


async def _all_acknowledged(pending: "Sequence[asyncio.Future[Any]]") -> list[Any]:
    """Return what the broker said to each, once it has answered all. Raises the first error."""
    answers = await asyncio.gather(*pending, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
