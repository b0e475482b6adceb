"""Records that a consumer group could not handle: what they are, and putting them back where they came from.

A letter stands in `<group>.dead-letter`. Once it was replayed, a record behind it in the same partition says so, which
keeps it off the list; both go when their retention ends. A replay that is killed in between is made again by the next,
and the ids in the record's headers make that harmless, as any redelivery.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord, decoded
from tieline.settings import KafkaSettings
from tieline.topics import CONSUMER_GROUPS, dead_letter_topic

from tieline_cli.errors import CliError
from tieline_cli.topic_reader import everything, partitions_of, reading

REPLAYED = "dead-letter-replayed"
"""Header of the record that says which offset of its partition was replayed."""

_OWN_HEADERS = "dead-letter-"
_CLIENT = "tieline-dead-letters"


class LetterUnknownError(CliError):
    """There is no such letter, or no such group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record set aside: where it stands, where it came from (`topic/partition/offset`), and why."""

    group: str
    partition: int
    offset: int
    set_aside_at: datetime
    came_from: str
    event_type: str
    event_id: str
    error: str
    reason: str

    @property
    def id(self) -> str:
        """What names it: `group/partition/offset`."""
        return f"{self.group}/{self.partition}/{self.offset}"

    @classmethod
    def of(cls, group: str, record: IncomingRecord) -> "DeadLetter":
        """Return the letter that a record of the group's dead-letter topic is."""
        headers = record.headers
        return cls(
            group=group,
            partition=record.partition,
            offset=record.offset,
            set_aside_at=datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
            came_from=headers.get("dead-letter-record", ""),
            event_type=headers.get("ce_type", ""),
            event_id=headers.get("ce_id", ""),
            error=headers.get("dead-letter-error", ""),
            reason=headers.get("dead-letter-reason", ""),
        )


async def waiting(kafka: KafkaSettings, groups: Iterable[str]) -> list[DeadLetter]:
    """Return the letters of `groups` that were not replayed, the oldest of each group first.

    Raises LetterUnknownError for an unknown group, TopicMissingError, KafkaUnavailableError.
    """
    async with reading(kafka) as consumer:
        return [letter for group in groups for letter in await _waiting_of(consumer, kafka, _known(group))]


async def replay(kafka: KafkaSettings, letters: Sequence[DeadLetter]) -> AsyncGenerator[DeadLetter, None]:
    """Put the record of each letter on its topic again, as it came, and yield the letter once that is acknowledged.

    Every group that reads the topic gets it again and knows it by its ids. Raises LetterUnknownError for a letter whose
    record is gone, KafkaUnavailableError.
    """
    async with reading(kafka) as consumer, RecordProducer(kafka, client_id=_CLIENT) as producer:
        for letter in letters:
            record = await _original(consumer, kafka, letter)
            # In two steps: killed between them, the letter is still on the list, and replayed once more.
            await producer.send(record)
            await producer.send(
                OutgoingRecord(
                    topic=dead_letter_topic(letter.group),
                    key=record.key,
                    value=None,
                    headers={REPLAYED: str(letter.offset)},
                    partition=letter.partition,
                )
            )
            yield letter


def chosen(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    """Return the letters that `ids` name. Raises LetterUnknownError naming every id that is none of theirs."""
    by_id = {letter.id: letter for letter in letters}
    if unknown := [each for each in ids if each not in by_id]:
        raise LetterUnknownError(
            f"no dead letter waits under {', '.join(unknown)}; `tieline dead-letters list` has all"
        )
    return [by_id[each] for each in dict.fromkeys(ids)]


def _known(group: str) -> str:
    if group not in CONSUMER_GROUPS:
        raise LetterUnknownError(f"there is no consumer group {group}; they are {', '.join(CONSUMER_GROUPS)}")
    return group


async def _waiting_of(consumer: AIOKafkaConsumer, kafka: KafkaSettings, group: str) -> list[DeadLetter]:
    partitions = await partitions_of(consumer, kafka, dead_letter_topic(group))
    found: dict[tuple[int, int], DeadLetter] = {}
    async for record in everything(consumer, partitions, kafka):
        replayed = record.headers.get(REPLAYED)
        if replayed is None:
            found[record.partition, record.offset] = DeadLetter.of(group, record)
        elif replayed.isdecimal():
            found.pop((record.partition, int(replayed)), None)
    return list(found.values())


async def _original(consumer: AIOKafkaConsumer, kafka: KafkaSettings, letter: DeadLetter) -> OutgoingRecord:
    topic, partition, offset = _coordinates(letter)
    stored = TopicPartition(kafka.topic_prefix + dead_letter_topic(letter.group), letter.partition)
    record = await _at(consumer, kafka, letter, stored, letter.offset)
    value = record.value
    if value is None:  # a tombstone, or too large to be set aside with its reason: it stands where it came from
        value = (await _at(consumer, kafka, letter, TopicPartition(topic, partition), offset)).value
    return OutgoingRecord(
        topic=topic.removeprefix(kafka.topic_prefix),
        key=record.key,
        value=value,
        headers={name: text for name, text in record.headers.items() if not name.startswith(_OWN_HEADERS)},
        partition=partition,
    )


def _coordinates(letter: DeadLetter) -> tuple[str, int, int]:
    try:
        topic, partition, offset = letter.came_from.rsplit("/", 2)
        return topic, int(partition), int(offset)
    except ValueError as error:
        raise LetterUnknownError(f"{letter.id} does not say which record it was: {letter.came_from!r}") from error


async def _at(
    consumer: AIOKafkaConsumer, kafka: KafkaSettings, letter: DeadLetter, partition: TopicPartition, offset: int
) -> IncomingRecord:
    consumer.assign([partition])
    begins, ends = await consumer.beginning_offsets([partition]), await consumer.end_offsets([partition])
    if not begins[partition] <= offset < ends[partition]:
        raise LetterUnknownError(f"{letter.id}: its record at {partition.topic}/{partition.partition} is gone")
    consumer.seek(partition, offset)
    async with asyncio.timeout(kafka.request_timeout.total_seconds()):
        record = decoded(await consumer.getone(partition))
    if record.offset != offset:
        raise LetterUnknownError(f"{letter.id}: its record at {partition.topic}/{partition.partition} is gone")
    return record
