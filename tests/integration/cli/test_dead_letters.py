"""Dead letters from the command line: what could not be handled is seen, mended, put back, and handled once."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from faststream.kafka import KafkaRouter
from tieline.errors import PermanentError
from tieline.kafka.batches import BatchHandler, GroupConsumer, build_broker
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord
from tieline.settings import KafkaSettings
from tieline.topics import APPLY_COMMANDS_GROUP, REGISTRY_COMMANDS, apply_topics, dead_letter_topic
from tieline_cli.dead_letters import replay, waiting

from tests.support.stacks import Stack
from tests.support.topics import records_of
from tests.support.waiting import eventually

GROUP = APPLY_COMMANDS_GROUP


class Desk:
    """A consumer group that can't handle some records until it is mended, and the command to its dead letters."""

    def __init__(self, kafka: KafkaSettings, producer: RecordProducer, folder: Path) -> None:
        self.kafka, self.producer = kafka, producer
        self.is_mended = False
        self.handled: list[IncomingRecord] = []
        self._stack = Stack(
            folder,
            TIELINE_KAFKA__BOOTSTRAP_SERVERS=kafka.bootstrap_servers,
            TIELINE_KAFKA__TOPIC_PREFIX=kafka.topic_prefix,
        )

    async def handle(self, records: Sequence[IncomingRecord]) -> None:
        """Refuse what begins with `poison` until mended."""
        if not self.is_mended and any((record.value or b"").startswith(b"poison") for record in records):
            raise PermanentError("not a command")
        self.handled.extend(records)

    async def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `tieline dead-letters`."""
        return await asyncio.to_thread(self._stack.run, "dead-letters", *words)

    async def listed(self) -> list[dict[str, Any]]:
        """What the command lists."""
        answer = await self.command("list", "--json")
        assert answer.returncode == 0, answer.stderr
        return list(json.loads(answer.stdout))

    @asynccontextmanager
    async def consuming(self, handle: BatchHandler) -> AsyncIterator[None]:
        """Let the group work."""
        consumer = GroupConsumer(group=GROUP, topic=REGISTRY_COMMANDS, handle=handle, producer=self.producer)
        router = KafkaRouter()
        consumer.subscribe(router, self.kafka)
        broker = build_broker(self.kafka, client_id="test-consumer")
        broker.include_router(router)
        await broker.start()
        try:
            yield
        finally:
            await broker.stop()

    async def set_aside(self, *values: bytes) -> None:
        """Send records and wait until they are dead letters."""
        await self.producer.send_all([a_record(value, ce_id=f"id-{value[:12].decode()}") for value in values])
        await eventually(self._letters_are(len(values)))

    def _letters_are(self, count: int) -> Any:
        async def look() -> bool:
            return len(await waiting(self.kafka, [GROUP])) == count

        return look


def a_record(value: bytes, **headers: str) -> OutgoingRecord:
    return OutgoingRecord(topic=REGISTRY_COMMANDS, key="w1", value=value, headers={"ce_type": "save", **headers})


@pytest.fixture
async def desk(kafka_server: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Desk]:
    kafka = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(kafka)
    async with RecordProducer(kafka, client_id="test") as producer:
        desk = Desk(kafka, producer, tmp_path)
        async with desk.consuming(desk.handle):
            yield desk


async def test_what_was_mended_is_put_back_as_it_was_and_handled_once(desk: Desk) -> None:
    await desk.set_aside(b"poison 1", b"poison 2")
    first, second = await desk.listed()
    desk.is_mended = True

    answer = await desk.command("replay", first["id"])

    await eventually(lambda: desk.handled)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith("1 replayed\n")
    assert [(record.key, record.value) for record in desk.handled] == [("w1", b"poison 1")]
    assert desk.handled[0].headers.items() >= {"ce_id": "id-poison 1", "ce_type": "save"}.items()
    assert not [name for name in desk.handled[0].headers if name.startswith("dead-letter")]
    assert await desk.listed() == [second]
    assert (first["error"], first["reason"], first["event_id"]) == ("PermanentError", "not a command", "id-poison 1")
    assert first["came_from"].startswith(f"{desk.kafka.topic_prefix}{REGISTRY_COMMANDS}/")


async def test_what_is_still_broken_comes_back_as_a_new_letter(desk: Desk) -> None:
    await desk.set_aside(b"poison 1")
    (before,) = await desk.listed()

    await desk.command("replay", "--all")

    async def set_aside_again() -> bool:
        return [letter.id for letter in await waiting(desk.kafka, [GROUP])] not in ([], [before["id"]])

    await eventually(set_aside_again)
    (after,) = await desk.listed()
    assert after["event_id"] == before["event_id"]


async def test_a_replay_that_is_killed_before_it_is_noted_is_made_again(desk: Desk) -> None:
    await desk.set_aside(b"poison 1")
    desk.is_mended = True
    (letter,) = await waiting(desk.kafka, [GROUP])
    await desk.producer.send(a_record(b"poison 1", ce_id=letter.event_id))  # what a killed replay had done

    assert [each async for each in replay(desk.kafka, [letter])] == [letter]

    await eventually(lambda: len(desk.handled) == 2)
    assert {record.event_id for record in desk.handled} == {letter.event_id}
    assert await waiting(desk.kafka, [GROUP]) == []


async def test_a_record_too_large_to_be_set_aside_is_fetched_from_where_it_came(desk: Desk) -> None:
    large = b"poison" + bytes(1_000_000)
    await desk.set_aside(large)
    (stored,) = await records_of(desk.kafka, dead_letter_topic(GROUP))
    desk.is_mended = True
    # The broker took it whole; a record of which only the reason fits looks so:
    await desk.producer.send(
        OutgoingRecord(topic=dead_letter_topic(GROUP), key="w1", value=None, headers=dict(stored.headers), partition=0)
    )
    whole, emptied = await waiting(desk.kafka, [GROUP])

    async for _ in replay(desk.kafka, [emptied]):
        pass

    await eventually(lambda: desk.handled)
    assert [record.value for record in desk.handled] == [large]
    assert await waiting(desk.kafka, [GROUP]) == [whole]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("replay", f"{GROUP}/0/7"), f"no dead letter waits under {GROUP}/0/7"),
        (("replay", "--all", "--group", "nobody"), "there is no consumer group nobody"),
        (("list", "--group", "nobody"), "there is no consumer group nobody"),
        (("replay",), "name letters, or say --all"),
        (("replay", "--all", f"{GROUP}/0/0"), "name letters, or say --all"),
    ],
)
async def test_what_is_not_there_is_refused_by_name_and_nothing_is_sent(
    desk: Desk, words: tuple[str, ...], told: str
) -> None:
    await desk.set_aside(b"poison 1")
    desk.is_mended = True

    answer = await desk.command(*words)

    assert answer.returncode != 0
    assert told in " ".join(answer.stderr.replace("│", " ").split())
    assert len(await records_of(desk.kafka, REGISTRY_COMMANDS)) == 1


async def test_nothing_waiting_is_said(desk: Desk) -> None:
    answer = await desk.command("list")

    assert (answer.returncode, answer.stdout) == (0, "No dead letters wait.\n")


def test_without_a_broker_or_topics_the_reason_is_told(tmp_path: Path, kafka_server: str, topic_prefix: str) -> None:
    away = Stack(tmp_path, TIELINE_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1")
    bare = Stack(tmp_path, TIELINE_KAFKA__BOOTSTRAP_SERVERS=kafka_server, TIELINE_KAFKA__TOPIC_PREFIX=topic_prefix)

    answers = [stack.run("dead-letters", "list") for stack in (away, bare)]

    assert [answer.returncode for answer in answers] == [1, 1]
    assert "no Kafka broker at 127.0.0.1:1" in answers[0].stderr
    assert "`tieline topics apply` creates it" in answers[1].stderr
