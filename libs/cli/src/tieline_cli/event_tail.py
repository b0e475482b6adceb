"""Following the event topic, as any service may: without a consumer group, so that nothing is committed."""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer
from tieline.clock import system_clock
from tieline.contracts.events import AGENT_ID, ALIASES, LINK, PROJECT, SEVERITY, TITLE, WORKSPACE_ID
from tieline.kafka.records import CONTENT_TYPE, JSON, IncomingRecord, decoded
from tieline.routing.patterns import RoutePatterns
from tieline.settings import KafkaSettings
from tieline.topics import AGENT_EVENTS, EVENTS

from tieline_cli.topic_reader import partitions_of, reading

POLL_MS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events to show: those that fit everything given. `patterns` are those of routes."""

    patterns: RoutePatterns | None = None
    workspace_id: str | None = None
    agent_id: str | None = None

    @property
    def topic(self) -> str:
        """Where they are: an agent has a topic of its own."""
        return EVENTS if self.agent_id is None else AGENT_EVENTS

    def takes(self, record: IncomingRecord) -> bool:
        """Tell whether a record is wanted."""
        if self.workspace_id is not None and record.headers.get(WORKSPACE_ID) != self.workspace_id:
            return False
        if self.agent_id is not None and record.headers.get(AGENT_ID) != self.agent_id:
            return False
        return self.patterns is None or self.patterns.matches(_names(record))


async def followed(kafka: KafkaSettings, wanted: Wanted, *, back: timedelta) -> AsyncGenerator[IncomingRecord, None]:
    """Yield the wanted events as they come, for ever, beginning with those of the time `back` from now.

    Raises KafkaUnavailableError when no broker answers at first, TopicMissingError.
    """
    async with reading(kafka) as consumer:
        await _begin(consumer, kafka, wanted.topic, back)
        while True:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in map(decoded, records):
                    if wanted.takes(record):
                        yield record


async def _begin(consumer: AIOKafkaConsumer, kafka: KafkaSettings, topic: str, back: timedelta) -> None:
    partitions = await partitions_of(consumer, kafka, topic)
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    since = int((system_clock() - back).timestamp() * 1000)
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, since)) if back else {}
    for partition in partitions:
        first = found.get(partition)
        consumer.seek(partition, first.offset if first is not None else ends[partition])


def as_line(record: IncomingRecord) -> str:
    """Return an event as one line for people: when, what, how bad, of which project, the title and the link."""
    headers = record.headers
    shown = [
        headers.get("ce_time", "")[:19],
        f"{headers.get('ce_type', '?'):<32}",
        f"{headers.get(SEVERITY, ''):<8}",
        f"{headers.get(PROJECT, ''):<16}",
        headers.get(TITLE, "") or headers.get("ce_subject", ""),
        headers.get(LINK, ""),
    ]
    return "  ".join(shown).rstrip().translate(_VISIBLE)


def as_cloudevent(record: IncomingRecord) -> str:
    """Return an event as one line of JSON, in CloudEvents' structured form."""
    attributes: dict[str, Any] = {
        name.removeprefix("ce_"): value for name, value in record.headers.items() if name.startswith("ce_")
    }
    attributes["datacontenttype"] = record.headers.get(CONTENT_TYPE, JSON)
    value = record.value or b""
    try:
        data = {"data": json.loads(value)}
    except (ValueError, RecursionError):
        data = {"data_base64": b64encode(value).decode()}
    return json.dumps(attributes | data, ensure_ascii=False)


_VISIBLE = dict.fromkeys((*range(32), *range(127, 160)), "�")
"""Control characters, which a sender may use to rewrite what a terminal shows."""


def _names(record: IncomingRecord) -> list[str]:
    aliases = record.headers.get(ALIASES, "")
    return [record.headers.get("ce_type", ""), *(alias for alias in aliases.split(",") if alias)]
