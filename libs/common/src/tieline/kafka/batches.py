"""Taking records in for a consumer group: whole batches, acknowledged when every record of them is done.

A batch handler gets the records of one poll and must be safe to repeat. While it raises TransientError it is called
again with the same batch, waiting longer each time (capped); nothing is skipped while a dependency is away. Any other
error makes the records go one by one, and the one that fails alone is copied to the group's dead-letter topic with the
reason in its headers. Then the batch is acknowledged as a whole: FastStream's `ack` commits the consumer's position for
all its partitions, so nothing of a batch may still be open.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaRouter
from faststream.kafka.annotations import KafkaMessage
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from tieline.errors import PermanentError, RecordTooLargeError, TransientError
from tieline.kafka.connection import connection_arguments
from tieline.kafka.group_metrics import BATCH_SECONDS, DEAD_LETTERS, RECORDS, RETRIES, GroupLag
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord, decoded
from tieline.observability.tracing import spans_of_batch, tracing
from tieline.settings import KafkaSettings
from tieline.topics import dead_letter_topic

BatchHandler = Callable[[Sequence[IncomingRecord]], Awaitable[None]]

FIRST_WAIT = timedelta(milliseconds=100)
LONGEST_WAIT = timedelta(seconds=15)

POLL_MS = 500  # how long one poll waits for records; an idle group costs two of them a second

# How soon a member learns that the group shares out its partitions anew, and so how long a rolling update holds its
# records up; aiokafka's default is 3 s.
HEARTBEAT_MS = 1000

GRACEFUL_SECONDS = 15.0  # how long a stop waits for the batch in hand

log = logging.getLogger(__name__)


class GroupConsumer:
    """What one consumer group does with its batches; `subscribe` puts it on a router."""

    def __init__(self, *, group: str, topic: str, handle: BatchHandler, producer: RecordProducer) -> None:
        self.group = group
        self.topic = topic
        self._handle = handle
        self._producer = producer
        self._subscriber: Any = None
        self._lag = GroupLag(group, topic)

    def subscribe(
        self, router: KafkaRouter, settings: KafkaSettings, *, max_records: int = 500, instance: str | None = None
    ) -> None:
        """Add a batch subscriber for this group to `router`.

        `instance` names a process that keeps its name over restarts (static membership): it gets its partitions back
        at once, also after a kill, instead of the group waiting for its old session to expire.
        """
        self._subscriber = router.subscriber(
            settings.topic_prefix + self.topic,
            group_id=settings.topic_prefix + self.group,
            group_instance_id=instance,
            heartbeat_interval_ms=HEARTBEAT_MS,
            ack_policy=AckPolicy.MANUAL,  # acknowledged below, when the whole batch is done
            batch=True,
            batch_timeout_ms=POLL_MS,
            max_records=max_records,
            auto_offset_reset="earliest",
            parser=_with_readable_headers,
            decoder=_undecoded,
            title=self.group,
            description=f"Batches, acknowledged when done; dead letters in {dead_letter_topic(self.group)}.",
        )
        self._subscriber(self.on_batch)
        self._lag.watch(self._subscriber)
        self._subscriber.get_msg = partial(_next_batch, max_records=max_records)

    async def on_batch(self, message: KafkaMessage) -> None:
        """Handle one poll's records, then acknowledge them."""
        raw = message.raw_message
        records = [decoded(record) for record in (raw if isinstance(raw, tuple) else (raw,))]
        began = time.perf_counter()
        if tracing():
            await self._handle_traced(records)
        else:
            await self._handle_whole(records)
        await message.ack()
        RECORDS.labels(self.group).inc(len(records))
        BATCH_SECONDS.labels(self.group).observe(time.perf_counter() - began)

    async def _handle_traced(self, records: Sequence[IncomingRecord]) -> None:
        """Handle records as one span each; what follows from a record, by its headers, is a child of its span."""
        with spans_of_batch(
            f"process {self.topic}",
            [record.headers for record in records],
            messaging__system="kafka",
            messaging__operation__type="process",
            messaging__destination__name=self.topic,
            messaging__consumer__group__name=self.group,
            messaging__batch__message_count=len(records),
        ) as spans:
            await self._handle_whole(
                [replace(record, headers={**record.headers, **own}) for record, own in zip(records, spans, strict=True)]
            )

    async def _handle_whole(self, records: Sequence[IncomingRecord]) -> None:
        try:
            await self._until_dependencies_are_back(records)
        except _StoppingError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost loop: one bad record must not stop a partition
            if len(records) == 1:
                await self._dead_letter(records[0], error)
                return
            log.warning(
                "a batch failed as a whole, taking its records one by one", extra={"error": type(error).__name__}
            )
            for record in records:
                await self._handle_whole([record])

    async def _until_dependencies_are_back(self, records: Sequence[IncomingRecord]) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                await self._handle(records)
            except TransientError as error:
                RETRIES.labels(self.group).inc()
                log.warning(
                    "waiting to try a batch again",
                    extra={"group": self.group, "records": len(records), "reason": str(error)},
                )
                await self._pause(wait * random.uniform(0.8, 1.2))
                wait = min(wait * 2, LONGEST_WAIT)
            else:
                return

    async def _dead_letter(self, record: IncomingRecord, error: Exception) -> None:
        reason = str(error) if isinstance(error, PermanentError) else type(error).__name__
        log.error(
            "a record went to the dead letters",
            extra={"group": self.group, "record": record.coordinates, "reason": reason},
            exc_info=None if isinstance(error, PermanentError) else error,
        )
        DEAD_LETTERS.labels(self.group).inc()
        letter = OutgoingRecord(
            topic=dead_letter_topic(self.group),
            key=record.key,
            value=record.value,
            headers={
                **record.headers,
                "dead-letter-reason": reason[:1000],
                "dead-letter-error": type(error).__name__,
                "dead-letter-record": record.coordinates,
            },
        )
        await self._until_sent(letter)

    async def _until_sent(self, letter: OutgoingRecord) -> None:
        while True:
            try:
                await self._producer.send(letter)
            except RecordTooLargeError:
                # With the reason added it no longer fits: the coordinates in its headers say where the value stands.
                letter = replace(letter, value=None)
            except TransientError:
                await self._pause(LONGEST_WAIT)
            else:
                return

    async def _pause(self, wait: timedelta) -> None:
        """Wait, but no longer than the process runs: a batch that can't be finished comes again after the restart."""
        end = time.monotonic() + wait.total_seconds()
        while (left := end - time.monotonic()) > 0:
            if self._subscriber is not None and not self._subscriber.running:
                raise _StoppingError(self.group)
            await asyncio.sleep(min(left, 0.1))


class _StoppingError(Exception):
    """The process stops while a batch waits; it is left unacknowledged."""


async def _next_batch(consumer: AIOKafkaConsumer, *, max_records: int) -> tuple[Any, ...]:
    """Return the next poll's records as soon as there are any; empty after `POLL_MS`.

    Takes the place of FastStream's own, which sleeps after an empty poll: records that come meanwhile would wait.
    """
    polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=max_records)
    return tuple(chain.from_iterable(polled.values()))


async def _with_readable_headers(batch: Any, parse: Callable[[Any], Awaitable[Any]]) -> Any:
    """Parse a poll; FastStream's parser alone would raise on a header that is not UTF-8 and skip the whole batch."""
    return await parse(tuple(replace(record, headers=_readable(record.headers)) for record in batch))


def _readable(headers: Sequence[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, (value or b"").decode(errors="backslashreplace").encode()) for name, value in headers)


async def _undecoded(message: KafkaMessage) -> Any:
    """Leave values as bytes; the handler knows the contract of its topic."""
    return message.body


def build_broker(settings: KafkaSettings, *, client_id: str) -> KafkaBroker:
    """Return a broker for consumer groups; it connects when it is started.

    FastStream logs each message by default, which halves the throughput; that is switched off.
    """
    return KafkaBroker(
        settings.bootstrap_servers.split(","),
        client_id=client_id,
        security=_security(settings),
        logger=None,
        allow_auto_create_topics=False,
        graceful_timeout=GRACEFUL_SECONDS,
    )


def _security(settings: KafkaSettings) -> BaseSecurity:
    arguments = connection_arguments(settings)
    context = arguments.get("ssl_context")
    if not settings.security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context, use_ssl=context is not None)
    kinds = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    return kinds[settings.sasl_mechanism](
        username=settings.sasl_username or "",
        password=arguments["sasl_plain_password"] or "",
        ssl_context=context,
        use_ssl=context is not None,
    )
