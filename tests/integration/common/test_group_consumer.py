"""Batches on a real broker: acknowledged when done, repeated when not, poison set aside."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka import KafkaRouter
from tieline.errors import PermanentError, TransientError
from tieline.kafka.batches import BatchHandler, GroupConsumer, build_broker
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord
from tieline.settings import KafkaSettings
from tieline.topics import APPLY_COMMANDS_GROUP, REGISTRY_COMMANDS, apply_topics, dead_letter_topic

from tests.support.waiting import eventually


@pytest.fixture
async def kafka(kafka_server: str, topic_prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(settings)
    return settings


@pytest.fixture
async def producer(kafka: KafkaSettings) -> AsyncIterator[RecordProducer]:
    async with RecordProducer(kafka, client_id="test") as producer:
        yield producer


@asynccontextmanager
async def consuming(kafka: KafkaSettings, producer: RecordProducer, handle: BatchHandler) -> AsyncIterator[None]:
    consumer = GroupConsumer(group=APPLY_COMMANDS_GROUP, topic=REGISTRY_COMMANDS, handle=handle, producer=producer)
    router = KafkaRouter()
    consumer.subscribe(router, kafka)
    broker = build_broker(kafka, client_id="test-consumer")
    broker.include_router(router)
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()


def a_record(value: bytes, key: str = "w1", **headers: str) -> OutgoingRecord:
    return OutgoingRecord(topic=REGISTRY_COMMANDS, key=key, value=value, headers=headers)


async def committed(kafka: KafkaSettings) -> int:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap_servers, group_id=kafka.topic_prefix + APPLY_COMMANDS_GROUP
    )
    await consumer.start()
    try:
        topic = kafka.topic_prefix + REGISTRY_COMMANDS
        offsets = [await consumer.committed(TopicPartition(topic, number)) or 0 for number in range(12)]
        return sum(offsets)
    finally:
        await consumer.stop()


async def test_records_of_one_key_arrive_in_order_and_are_committed(
    kafka: KafkaSettings, producer: RecordProducer
) -> None:
    seen: list[bytes] = []

    async def handle(records: Sequence[IncomingRecord]) -> None:
        seen.extend(record.value or b"" for record in records)

    async with consuming(kafka, producer, handle):
        await producer.send_all([a_record(b"%d" % number) for number in range(50)])
        await eventually(lambda: len(seen) == 50)

    assert seen == [b"%d" % number for number in range(50)]
    assert await committed(kafka) == 50


async def test_a_batch_is_tried_again_until_its_dependency_is_back(
    kafka: KafkaSettings, producer: RecordProducer
) -> None:
    tries: list[list[bytes]] = []

    async def handle(records: Sequence[IncomingRecord]) -> None:
        tries.append([record.value or b"" for record in records])
        if len(tries) < 3:
            raise TransientError("the database is away")

    async with consuming(kafka, producer, handle):
        await producer.send(a_record(b"a"))
        await eventually(lambda: len(tries) == 3)

    assert tries == [[b"a"]] * 3
    assert await committed(kafka) == 1


async def test_what_was_not_finished_comes_again_to_the_next_consumer(
    kafka: KafkaSettings, producer: RecordProducer
) -> None:
    reached = asyncio.Event()
    seen: list[bytes] = []

    async def never_done(_records: Sequence[IncomingRecord]) -> None:
        reached.set()
        raise TransientError("the database is away")

    async def handle(records: Sequence[IncomingRecord]) -> None:
        seen.extend(record.value or b"" for record in records)

    async with consuming(kafka, producer, never_done):
        await producer.send(a_record(b"a"))
        await reached.wait()
        assert await committed(kafka) == 0
    async with consuming(kafka, producer, handle):
        await eventually(lambda: seen)

    assert seen == [b"a"]


async def test_a_poison_record_goes_to_the_dead_letters_and_blocks_nothing(
    kafka: KafkaSettings, producer: RecordProducer
) -> None:
    seen: list[bytes] = []

    async def handle(records: Sequence[IncomingRecord]) -> None:
        for record in records:
            if record.value == b"poison":
                raise PermanentError("not a command")
            if record.value not in seen:
                seen.append(record.value or b"")

    async with consuming(kafka, producer, handle):
        await producer.send_all([a_record(b"a"), a_record(b"poison", ce_id="p1"), a_record(b"b")])
        await eventually(lambda: seen == [b"a", b"b"])
        letter = await the_dead_letter(kafka)

    assert letter.value == b"poison"
    assert letter.key == b"w1"
    headers = {name: value.decode() for name, value in letter.headers}
    assert headers["dead-letter-reason"] == "not a command"
    assert headers["dead-letter-error"] == "PermanentError"
    assert headers["ce_id"] == "p1"


async def test_a_header_that_is_not_text_blocks_nothing(kafka: KafkaSettings, producer: RecordProducer) -> None:
    seen: list[IncomingRecord] = []

    async def handle(records: Sequence[IncomingRecord]) -> None:
        seen.extend(records)

    async with consuming(kafka, producer, handle):
        raw = producer._producer
        assert raw is not None
        await raw.send_and_wait(kafka.topic_prefix + REGISTRY_COMMANDS, b"a", key=b"w1", headers=[("x", b"\xff\xfe")])
        await producer.send(a_record(b"b"))
        await eventually(lambda: len(seen) == 2)

    assert [record.value for record in seen] == [b"a", b"b"]
    assert seen[0].headers["x"] == "\\xff\\xfe"


async def the_dead_letter(kafka: KafkaSettings):  # type: ignore[no-untyped-def]
    consumer = AIOKafkaConsumer(
        kafka.topic_prefix + dead_letter_topic(APPLY_COMMANDS_GROUP),
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        return await asyncio.wait_for(consumer.getone(), 20)
    finally:
        await consumer.stop()
