"""The consumer group that routes events."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, KafkaRouter
from tieline.errors import KafkaUnavailableError, TransientError
from tieline.kafka.batches import GroupConsumer, build_broker
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord
from tieline.settings import KafkaSettings
from tieline.topics import EVENTS, ROUTE_EVENTS_GROUP

from tieline_webhooks.domain.accepted import AcceptedEvent

FIRST_WAIT = timedelta(milliseconds=250)
LONGEST_WAIT = timedelta(seconds=10)
BREATH = 32  # records read between turns for others
MOST_RECORDS = 200  # with a database transaction's usual bounds in mind: 1,000 documents, 16 MiB

Reader = Callable[[IncomingRecord], AcceptedEvent]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReceivedRecord:
    """A record of the event log, read."""

    accepted: AcceptedEvent
    record: IncomingRecord


def build_router(
    settings: KafkaSettings,
    *,
    producer: RecordProducer,
    read: Reader,
    route_events: Callable[[Sequence[ReceivedRecord]], Awaitable[None]],
    instance: str,
) -> KafkaRouter:
    """Return a fresh router; one shared by two brokers would serve only the last."""

    async def on_events(records: Sequence[IncomingRecord]) -> None:
        received = []
        for number, each in enumerate(records):
            if number % BREATH == 0:
                await asyncio.sleep(0)
            received.append(ReceivedRecord(read(each), each))
        await route_events(received)

    router = KafkaRouter()
    consumer = GroupConsumer(group=ROUTE_EVENTS_GROUP, topic=EVENTS, handle=on_events, producer=producer)
    consumer.subscribe(router, settings, max_records=MOST_RECORDS, instance=instance)
    return router


class Consumers:
    """Runs the consumer group; while no broker answers at the start, tries again for ever."""

    def __init__(self, settings: KafkaSettings, *, client_id: str, build_router: Callable[[], KafkaRouter]) -> None:
        self._settings = settings
        self._client_id = client_id
        self._build_router = build_router
        self._running = False

    async def missing(self) -> str | None:
        """Return None once events are being routed (a check for `Health`)."""
        return None if self._running else "not routing events yet: waiting for routes, MongoDB or Kafka"

    async def run(self) -> None:
        """Consume until cancelled; then finish the batch in hand and leave the group."""
        broker = await self._started_at_last()
        self._running = True
        try:
            await asyncio.Event().wait()
        finally:
            self._running = False
            await broker.stop()

    async def _started_at_last(self) -> KafkaBroker:
        wait = FIRST_WAIT
        while True:
            try:
                return await self._started()
            except TransientError as error:
                log.warning("waiting to consume events", extra={"reason": str(error)})
                await asyncio.sleep(wait.total_seconds())
                wait = min(wait * 2, LONGEST_WAIT)

    async def _started(self) -> KafkaBroker:
        broker = build_broker(self._settings, client_id=self._client_id)
        broker.include_router(self._build_router())
        try:
            await broker.start()
        except (KafkaError, OSError) as error:
            await broker.stop()
            raise KafkaUnavailableError(f"no Kafka broker answers: {type(error).__name__}") from error
        return broker
