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
        self._problem: str | None = "waiting for MongoDB's indexes and for Kafka"

    async def missing(self) -> str | None:
        """Return why the groups can't be joined, None while they are joined or being joined (a check for `Health`).

        Joining takes as long as Kafka waits for a member that died; reads need not wait for it.
        """
        return self._problem

    async def run(self) -> None:
        """Consume until cancelled; then finish the batches in hand and leave the groups."""
        broker = await when_possible("the consumer groups", self._started)
        try:
            await asyncio.Event().wait()
        finally:
            await broker.stop()

    async def _started(self) -> KafkaBroker:
        broker = build_broker(self._settings, client_id=self._client_id)
        broker.include_router(self._build_router())
        self._problem = None
        try:
            await broker.start()
        except asyncio.CancelledError:
            await broker.stop()
            raise
        except (KafkaError, OSError) as error:
            self._problem = f"can't join the consumer groups: {type(error).__name__}"
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
