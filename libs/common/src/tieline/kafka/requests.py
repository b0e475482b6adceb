"""Commands that are answered: a record out, the reply awaited on a partition of the asker's own.

Kafka has no request and reply of its own. Each asking process listens on one partition of the reply topic, without a
consumer group and from the end, and knows its replies by the command's id. Two processes that happen to share a
partition only read past each other's replies.
"""

import asyncio
import logging
import time
import zlib
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Histogram

from tieline.errors import KafkaUnavailableError, TransientError
from tieline.kafka.connection import connection_arguments
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord, decoded
from tieline.settings import KafkaSettings

REPLY_PARTITION = "reply_partition"
FINGERPRINT = "fingerprint"
POLL_MS = 1000
RECONNECT_WAIT = timedelta(seconds=1)
MOST_WAITING = 10_000  # requests in flight per process; beyond it callers are told to come back

REPLY_SECONDS = Histogram(
    "tieline_command_reply_seconds",
    "From sending a command to its reply.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
TIMEOUTS = Counter("tieline_command_timeouts_total", "Commands whose reply did not come in time.")

log = logging.getLogger(__name__)


class ReplyTimeoutError(TransientError):
    """No reply came in time. The command is in the log and may still be applied; its id tells later."""

    def __init__(self, command_id: str, waited: timedelta) -> None:
        super().__init__(f"no reply to command {command_id} within {waited.total_seconds():g} s")
        self.command_id = command_id
        self.waited = waited


class TooManyRequestsInFlightError(TransientError):
    """This process already waits for as many replies as it may."""

    retry_after = timedelta(seconds=1)


class RequestClient:
    """Sends commands and awaits their replies. `run` must be running, and `ready` set, before the first request."""

    def __init__(
        self, settings: KafkaSettings, *, producer: RecordProducer, reply_topic: str, client_id: str, instance: str
    ) -> None:
        self._settings = settings
        self._producer = producer
        self._topic = settings.topic_prefix + reply_topic
        self._client_id = client_id
        self._instance = instance
        self._waiting: dict[str, list[tuple[str, asyncio.Future[IncomingRecord]]]] = {}
        self._partition = 0
        self._next_offset: int | None = None
        self.ready = asyncio.Event()

    async def request(
        self,
        command_id: str,
        record: OutgoingRecord,
        *,
        timeout: timedelta,  # noqa: ASYNC109 - a deadline that is part of the answer
        fingerprint: str = "",
    ) -> IncomingRecord:
        """Send `record` and return the reply to `command_id`.

        `fingerprint` tells two bodies under one id apart: a reply that names another one is not ours.

        Raises ReplyTimeoutError past `timeout`, KafkaUnavailableError when the command could not be appended,
        TooManyRequestsInFlightError when too many wait already. Callers with the same id share the reply.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise TooManyRequestsInFlightError(f"{MOST_WAITING} commands already await their replies")
        if not self.ready.is_set():
            raise KafkaUnavailableError("the reply partition is not being read yet")
        reply: asyncio.Future[IncomingRecord] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        waiting = self._waiting.setdefault(command_id, [])
        waiting.append((fingerprint, reply))
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await self._producer.send(self._addressed(record))
                answer = await reply
        except TimeoutError:
            TIMEOUTS.inc()
            raise ReplyTimeoutError(command_id, timeout) from None
        else:
            REPLY_SECONDS.observe(time.perf_counter() - began)
            return answer
        finally:
            waiting.remove((fingerprint, reply))
            if not waiting:
                self._waiting.pop(command_id, None)

    def _addressed(self, record: OutgoingRecord) -> OutgoingRecord:
        return OutgoingRecord(
            topic=record.topic,
            key=record.key,
            value=record.value,
            headers={**record.headers, REPLY_PARTITION: str(self._partition)},
            partition=record.partition,
        )

    async def run(self) -> None:
        """Read replies until cancelled; reconnects for ever, `ready` tells whether replies are being read."""
        while True:
            try:
                await self._read_replies()
            except (KafkaError, OSError) as error:
                log.warning("lost the reply partition, connecting again", extra={"reason": str(error)})
                await asyncio.sleep(RECONNECT_WAIT.total_seconds())
            finally:
                self.ready.clear()

    async def _read_replies(self) -> None:
        consumer = AIOKafkaConsumer(
            **connection_arguments(self._settings),
            client_id=self._client_id,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            request_timeout_ms=int(self._settings.request_timeout.total_seconds() * 1000),
        )
        try:
            await consumer.start()
            partition = await self._own_partition(consumer)
            consumer.assign([partition])
            if self._next_offset is None:
                self._next_offset = (await consumer.end_offsets([partition]))[partition]
            consumer.seek(partition, self._next_offset)  # after a lost connection, where it left off
            self._partition = partition.partition
            self.ready.set()
            while True:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for record in records:
                        self._settle(decoded(record))
                        self._next_offset = record.offset + 1
        finally:
            await consumer.stop()

    async def _own_partition(self, consumer: AIOKafkaConsumer) -> TopicPartition:
        while True:
            found = await consumer._client.fetch_all_metadata()  # noqa: SLF001 - no public call refreshes an unassigned topic
            numbers = sorted(found.partitions_for_topic(self._topic) or ())
            if numbers:
                return TopicPartition(self._topic, numbers[zlib.crc32(self._instance.encode()) % len(numbers)])
            log.warning("waiting for the reply topic to be created", extra={"topic": self._topic})
            await asyncio.sleep(RECONNECT_WAIT.total_seconds())

    def _settle(self, reply: IncomingRecord) -> None:
        said = reply.headers.get(FINGERPRINT, "")
        for fingerprint, waiting in self._waiting.get(reply.headers.get("causation_id", ""), ()):
            if not waiting.done() and (not said or not fingerprint or said == fingerprint):
                waiting.set_result(reply)
