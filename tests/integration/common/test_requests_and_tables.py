"""Command and reply over a real broker, and compacted topics read into memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaConsumer
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord
from tieline.kafka.requests import REPLY_PARTITION, ReplyTimeoutError, RequestClient
from tieline.kafka.tables import TopicTable
from tieline.settings import KafkaSettings
from tieline.topics import GATEWAY_REPLIES, REGISTRY_COMMANDS, ROUTE_EVENTS, apply_topics

from tests.support.waiting import eventually

SHORT = timedelta(milliseconds=300)
LONG = timedelta(seconds=10)


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
async def asking(kafka: KafkaSettings, producer: RecordProducer, instance: str) -> AsyncIterator[RequestClient]:
    client = RequestClient(kafka, producer=producer, reply_topic=GATEWAY_REPLIES, client_id=instance, instance=instance)
    reading = asyncio.create_task(client.run())
    await asyncio.wait_for(client.ready.wait(), 20)
    try:
        yield client
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@asynccontextmanager
async def echoing(kafka: KafkaSettings, producer: RecordProducer) -> AsyncIterator[None]:
    """Answer every command with its own value."""
    consumer = AIOKafkaConsumer(
        kafka.topic_prefix + REGISTRY_COMMANDS,
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    await consumer.start()

    async def answer() -> None:
        async for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            await producer.send(
                OutgoingRecord(
                    topic=GATEWAY_REPLIES,
                    key="",
                    value=record.value,
                    headers={"causation_id": headers["ce_id"]},
                    partition=int(headers[REPLY_PARTITION]),
                )
            )

    answering = asyncio.create_task(answer())
    try:
        yield
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        await consumer.stop()


def a_command(command_id: str) -> OutgoingRecord:
    return OutgoingRecord(topic=REGISTRY_COMMANDS, key="w1", value=command_id.encode(), headers={"ce_id": command_id})


async def test_each_of_two_instances_gets_its_own_replies(kafka: KafkaSettings, producer: RecordProducer) -> None:
    async with (
        echoing(kafka, producer),
        asking(kafka, producer, "one") as one,
        asking(kafka, producer, "two") as two,
    ):
        replies = await asyncio.gather(
            *(one.request(f"one-{n}", a_command(f"one-{n}"), timeout=LONG) for n in range(20)),
            *(two.request(f"two-{n}", a_command(f"two-{n}"), timeout=LONG) for n in range(20)),
        )

    assert [reply.value for reply in replies] == [f"{name}-{n}".encode() for name in ("one", "two") for n in range(20)]


async def test_no_reply_in_time_is_an_error_that_names_the_command(
    kafka: KafkaSettings, producer: RecordProducer
) -> None:
    async with asking(kafka, producer, "one") as client:
        with pytest.raises(ReplyTimeoutError, match="c1") as caught:
            await client.request("c1", a_command("c1"), timeout=SHORT)

    assert caught.value.command_id == "c1"


async def test_a_late_reply_disturbs_no_later_request(kafka: KafkaSettings, producer: RecordProducer) -> None:
    async with asking(kafka, producer, "one") as client:
        with pytest.raises(ReplyTimeoutError):
            await client.request("late", a_command("late"), timeout=SHORT)
        async with echoing(kafka, producer):
            reply = await client.request("next", a_command("next"), timeout=LONG)

    assert reply.value == b"next"


async def test_a_table_holds_the_last_record_of_each_key_and_follows(
    kafka: KafkaSettings, producer: RecordProducer
) -> None:
    await producer.send_all([a_row("r1", b"old"), a_row("r2", b"x"), a_row("r1", b"new"), a_row("r2", None)])
    rows: dict[str, bytes | None] = {}

    def apply(record: IncomingRecord) -> None:
        rows[record.key] = record.value

    table = TopicTable(kafka, topic=ROUTE_EVENTS, client_id="test", apply=apply)
    following = asyncio.create_task(table.run())
    await asyncio.wait_for(table.caught_up.wait(), 20)
    at_start = dict(rows)
    await producer.send(a_row("r3", b"later"))
    await eventually(lambda: rows.get("r3") == b"later")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    assert at_start == {"r1": b"new", "r2": None}


async def test_an_empty_table_is_caught_up_at_once(kafka: KafkaSettings) -> None:
    table = TopicTable(kafka, topic=ROUTE_EVENTS, client_id="test", apply=lambda record: None)
    following = asyncio.create_task(table.run())

    await asyncio.wait_for(table.caught_up.wait(), 20)

    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def a_row(key: str, value: bytes | None) -> OutgoingRecord:
    return OutgoingRecord(topic=ROUTE_EVENTS, key=key, value=value)
