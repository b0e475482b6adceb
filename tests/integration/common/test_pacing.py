"""An idle consumer leaves the processor alone, also where the broker answers empty fetches at once."""

import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from tieline.kafka.connection import connection_arguments
from tieline.settings import KafkaSettings
from tieline.topics import GATEWAY_REPLIES, apply_topics

SECONDS = 1.0
MOST_CPU = 0.25  # of a core; unpaced it is all of one


async def test_an_idle_consumer_takes_little_of_a_core(kafka_server: str, topic_prefix: str) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(settings)
    partition = TopicPartition(topic_prefix + GATEWAY_REPLIES, 0)
    consumer = AIOKafkaConsumer(**connection_arguments(settings))
    await consumer.start()
    try:
        consumer.assign([partition])
        await consumer.seek_to_end(partition)
        began = time.process_time()
        found = await consumer.getmany(timeout_ms=int(SECONDS * 1000))
        spent = time.process_time() - began
    finally:
        await consumer.stop()

    assert not found
    assert spent < MOST_CPU * SECONDS
