"""All that is in a topic, without a consumer group."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import IncomingRecord, decoded
from tieline.settings import KafkaSettings
from tieline.topics import CATALOGUE


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
