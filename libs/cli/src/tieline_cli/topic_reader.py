"""Reading a topic without a consumer group: nothing is committed, nobody is disturbed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from tieline.errors import KafkaUnavailableError
from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import IncomingRecord, decoded
from tieline.settings import KafkaSettings

from tieline_cli.errors import CliError

_POLL_MS = 500


class TopicMissingError(CliError):
    """A topic of Tieline's is not there."""

    def __init__(self, topic: str, brokers: str) -> None:
        super().__init__(f"there is no topic {topic} at {brokers}: `tieline topics apply` creates it")


@asynccontextmanager
async def reading(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer. Whatever goes wrong with Kafka until it is closed becomes KafkaUnavailableError."""
    consumer = AIOKafkaConsumer(
        **connection_arguments(kafka),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=int(kafka.request_timeout.total_seconds() * 1000),
    )
    try:
        await consumer.start()
        yield consumer
    except (KafkaError, OSError) as error:
        raise KafkaUnavailableError(f"no Kafka broker at {kafka.bootstrap_servers}: {error}") from error
    finally:
        await consumer.stop()


async def partitions_of(consumer: AIOKafkaConsumer, kafka: KafkaSettings, topic: str) -> list[TopicPartition]:
    """Return the partitions of a topic of Tieline's, in order. Raises TopicMissingError."""
    name = kafka.topic_prefix + topic
    metadata = await consumer._client.fetch_all_metadata()  # noqa: SLF001 - no public call refreshes an unassigned topic
    numbers = metadata.partitions_for_topic(name)
    if not numbers:
        raise TopicMissingError(name, kafka.bootstrap_servers)
    return [TopicPartition(name, number) for number in sorted(numbers)]


async def everything(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], kafka: KafkaSettings
) -> AsyncGenerator[IncomingRecord, None]:
    """Yield what `partitions` hold now, in order within each.

    Raises KafkaUnavailableError when nothing comes for the request time-out.
    """
    consumer.assign(partitions)
    begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    for partition in partitions:
        # Not by `seek_to_beginning`: what `assign` has begun, to find out where to read from, may end after it and win.
        consumer.seek(partition, begins[partition])
    clock, patience = asyncio.get_running_loop().time, kafka.request_timeout.total_seconds()
    heard = clock()
    while [one for one in partitions if await consumer.position(one) < ends[one]]:
        polled = await consumer.getmany(timeout_ms=_POLL_MS)
        if polled:
            heard = clock()
        elif clock() - heard > patience:
            raise KafkaUnavailableError(f"nothing came from {partitions[0].topic} for {patience:.0f} s")
        for records in polled.values():
            for record in records:
                yield decoded(record)
