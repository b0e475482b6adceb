"""Reading a topic without a consumer group: nothing is committed, nobody is disturbed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from tieline.errors import KafkaUnavailableError
from tieline.kafka.connection import connection_arguments
from tieline.settings import KafkaSettings

from tieline_cli.errors import CliError


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
