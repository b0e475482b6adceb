"""Reading what is in a topic now, once and without a consumer group: what operators' commands do."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from tieline.errors import KafkaUnavailableError
from tieline.ids import new_id
from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import IncomingRecord, decoded
from tieline.settings import KafkaSettings

POLL_MS = 500


async def read_topic(settings: KafkaSettings, topic: str) -> AsyncIterator[IncomingRecord]:
    """Yield the records that a topic holds at the start, in order within each partition.

    Raises KafkaUnavailableError when no broker answers, the topic is not there, or nothing comes for the request
    time-out.
    """
    async with _consumer(settings, topic) as consumer:
        partitions = list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        async with aclosing(_until(consumer, ends, stalled=settings.request_timeout.total_seconds())) as records:
            async for record in records:
                yield record


async def _until(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], *, stalled: float
) -> AsyncGenerator[IncomingRecord, None]:
    clock = asyncio.get_running_loop().time
    heard = clock()
    while [one for one, end in ends.items() if await consumer.position(one) < end]:
        polled = await consumer.getmany(timeout_ms=POLL_MS)
        if polled:
            heard = clock()
        elif clock() - heard > stalled:
            raise KafkaUnavailableError(f"nothing came from Kafka for {stalled:.0f} s")
        for records in polled.values():
            for record in records:
                yield decoded(record)


@asynccontextmanager
async def _consumer(settings: KafkaSettings, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Hold a consumer of all partitions of a topic; every Kafka error within is a KafkaUnavailableError."""
    name = settings.topic_prefix + topic
    consumer = AIOKafkaConsumer(
        name,
        **connection_arguments(settings),
        client_id=f"operator-{new_id()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=int(settings.request_timeout.total_seconds() * 1000),
    )
    try:
        async with asyncio.timeout(settings.request_timeout.total_seconds()):
            await consumer.start()
        yield consumer
    except UnknownTopicOrPartitionError as error:
        raise KafkaUnavailableError(f"there is no topic {name}; `tieline topics apply` creates it") from error
    except (KafkaError, TimeoutError, OSError) as error:
        raise KafkaUnavailableError(
            f"{name} can't be read at {settings.bootstrap_servers}: {type(error).__name__}"
        ) from error
    finally:
        await consumer.stop()
