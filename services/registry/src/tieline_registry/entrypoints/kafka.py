"""The registry's consumer groups."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, KafkaRouter
from tieline.errors import KafkaUnavailableError, TransientError
from tieline.kafka.batches import BatchHandler, GroupConsumer, build_broker
from tieline.kafka.producer import RecordProducer
from tieline.settings import KafkaSettings
from tieline.topics import APPLY_COMMANDS_GROUP, RECORD_SYNCS_GROUP, REGISTRY_COMMANDS, SYNC_EVENTS

FIRST_WAIT = timedelta(milliseconds=250)
LONGEST_WAIT = timedelta(seconds=10)

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


def build_router(
    settings: KafkaSettings,
    *,
    producer: RecordProducer,
    apply_commands: BatchHandler,
    record_syncs: BatchHandler,
    max_batch: int,
) -> KafkaRouter:
    """Return a fresh router; one shared by two brokers would serve only the last."""
    router = KafkaRouter()
    for group, topic, handle in (
        (APPLY_COMMANDS_GROUP, REGISTRY_COMMANDS, apply_commands),
        (RECORD_SYNCS_GROUP, SYNC_EVENTS, record_syncs),
    ):
        consumer = GroupConsumer(group=group, topic=topic, handle=handle, producer=producer)
        consumer.subscribe(router, settings, max_records=max_batch)
    return router


class Consumers:
    """Runs the consumer groups; while no broker answers at the start, tries again for ever."""

    def __init__(self, settings: KafkaSettings, *, client_id: str, build_router: Callable[[], KafkaRouter]) -> None:
        self._settings = settings
        self._client_id = client_id
        self._build_router = build_router
        self._running = False

    async def missing(self) -> str | None:
        """Return None once the consumer groups run, else what they wait for (a check for `Health`)."""
        return None if self._running else "not taking commands yet: waiting for MongoDB's indexes or for Kafka"

    async def run(self) -> None:
        """Consume until cancelled; then finish the batches in hand and leave the groups."""
        broker = await when_possible("the consumer groups", self._started)
        self._running = True
        try:
            await asyncio.Event().wait()
        finally:
            self._running = False
            await broker.stop()

    async def _started(self) -> KafkaBroker:
        broker = build_broker(self._settings, client_id=self._client_id)
        broker.include_router(self._build_router())
        try:
            await broker.start()
        except (KafkaError, OSError) as error:
            await broker.stop()
            raise KafkaUnavailableError(f"no Kafka broker answers: {type(error).__name__}") from error
        return broker


async def when_possible(what: str, attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return the result of `attempt`, tried again while it raises TransientError; waits longer each time, capped."""
    wait = FIRST_WAIT
    while True:
        try:
            return await attempt()
        except TransientError as error:
            log.warning("waiting to try again", extra={"what": what, "reason": str(error)})
            await asyncio.sleep(wait.total_seconds())
            wait = min(wait * 2, LONGEST_WAIT)
