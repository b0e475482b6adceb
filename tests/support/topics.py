"""Tests' topics: all that is in one, without a consumer group; and their end."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import IncomingRecord, decoded
from tieline.settings import KafkaSettings
from tieline.topics import CATALOGUE

_DELETE_SECONDS = 60.0


async def records_of(kafka: KafkaSettings, topic: str) -> list[IncomingRecord]:
    """Every record of a topic, partition by partition, in order."""
    name = kafka.topic_prefix + topic
    numbers = next(entry.partitions for entry in CATALOGUE if entry.name == topic)
    partitions = [TopicPartition(name, number) for number in range(numbers)]
    consumer = AIOKafkaConsumer(**connection_arguments(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        begins = await consumer.beginning_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        found: list[IncomingRecord] = []
        while [one for one in partitions if await consumer.position(one) < ends[one]]:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [decoded(record) for record in records]
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


def delete_topics(bootstrap_servers: str, prefix: str) -> None:
    """Delete the topics whose names begin with `prefix`, whoever made them.

    Every client asks for all topics as it starts, so those of former tests would make each start slower than the last.
    """
    # In a thread of its own: the caller's may belong to a test's event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _delete_topics(bootstrap_servers, prefix)).result()


async def _delete_topics(bootstrap_servers: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        async with asyncio.timeout(_DELETE_SECONDS):
            await admin.start()
            if names := [name for name in await admin.list_topics() if name.startswith(prefix)]:
                await admin.delete_topics(names)
    finally:
        await admin.close()
