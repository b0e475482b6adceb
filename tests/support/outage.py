"""Webhooks at a steady rate while their broker is stopped for a while and started again."""

import asyncio
import hashlib
import hmac
import json
import os
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, TopicPartition
from tieline.settings import KafkaSettings
from tieline.topics import EVENTS
from tieline_cli.embedded import kafka
from tieline_cli.processes.child import Child, stop
from tieline_cli.processes.program import Program

from tests.support import apache_kafka
from tests.support.router_world import SECRETS, SLUG, a_sentry_issue
from tests.support.waiting import eventually


class StoppableBroker:
    """A broker on one port and data folder: the embedded one, or with TIELINE_TEST_KAFKA=apache Apache Kafka.

    The embedded one may lose what it acknowledges while it stops.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._log = folder / "kafka.log"
        self.durable = os.environ.get("TIELINE_TEST_KAFKA") == "apache"
        home = folder / "kafka"
        home.mkdir()
        self.program: Program = apache_kafka.program(home, port) if self.durable else kafka.program(home, port)
        self.address = f"127.0.0.1:{port}"
        self._child: Child | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self._child = Child(self.program, self._log)
        await eventually(lambda: self.program.ready() is None, within=60)

    async def stop(self) -> None:
        """Stop it cleanly."""
        child, self._child = self._child, None
        if child is not None:
            await asyncio.to_thread(stop, [child])


@dataclass
class Seen:
    """What the senders saw."""

    accepted: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """By subject: the numbers of the webhooks that were answered 200, in the order in which they were answered."""
    refused: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many were accepted."""
        return sum(map(len, self.accepted.values()))

    def percentile(self, share: float) -> float:
        """Return the answer time that this share of the requests kept, in seconds."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(len(self.seconds) * share))]


async def send_for(address: str, *, seconds: float, rate: float, subjects: int = 20, first: int = 0) -> Seen:
    """Post webhooks about some subjects at `rate` per second; those of one subject one after the other.

    They are numbered within their subject from `first` + 1 on.
    """
    seen = Seen()

    async def sender(subject: int) -> None:
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        number = 0
        while True:
            due = started + (number + subject / subjects) * subjects / rate
            if due >= started + seconds:
                break
            number += 1
            await asyncio.sleep(due - time.monotonic())
            writer.write(_request(a_sentry_issue(str(subject), title=f"webhook {first + number}")))
            async with asyncio.timeout(30):
                status = await _answered(reader)
            seen.seconds.append(time.monotonic() - due)
            if status == 200:
                seen.accepted[f"sentry/issue/{subject}"].append(first + number)
            else:
                seen.refused += 1
        writer.close()

    at, started = urlsplit(address), time.monotonic()
    await asyncio.gather(*(sender(subject) for subject in range(subjects)))
    return seen


def _request(body: bytes) -> bytes:
    """Return a signed webhook as it goes over a kept connection; an HTTP client would take more of the processor."""
    signature = hmac.new(SECRETS["sentry"].encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST /api/webhooks/sentry HTTP/1.1\r\nhost: router\r\ncontent-type: application/json\r\nx-org-id: {SLUG}\r\n"
        f"sentry-hook-signature: {signature}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answered(reader: asyncio.StreamReader) -> int:
    """Read an answer and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)
    return int(head.split(b" ", 2)[1])


async def appended(settings: KafkaSettings) -> dict[str, list[int]]:
    """Return what is in the event topic, by subject, in the order of the log."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    found: dict[str, list[int]] = defaultdict(list)
    try:
        topic = settings.topic_prefix + EVENTS
        numbers = (await consumer._client.fetch_all_metadata()).partitions_for_topic(topic) or set()
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    subject = dict(record.headers)["ce_subject"].decode()
                    title = json.loads(record.value or b"")["data"]["issue"]["title"]
                    found[subject].append(int(title.rpartition(" ")[2]))
    finally:
        await consumer.stop()
    return found
