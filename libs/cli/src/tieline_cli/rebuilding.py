"""Rebuilding the compacted topics: the registry publishes what there is, page by page, and forgets what is no more.

Every page may be published any number of times, so a rebuild that ended anywhere is repeated, as a whole or from the
place that it told last.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Final, TypeVar, get_args

from tieline.errors import TielineError, TransientError
from tieline.registry_client import MOST_REBUILT, CompactedTopic, RegistryClient
from tieline.settings import InternalSettings, KafkaSettings
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS

from tieline_cli.errors import TopicsNotRebuiltError
from tieline_cli.topic_reader import everything, partitions_of, reading

CALL_TIMEOUT: Final = timedelta(seconds=60)  # a page is read, published and looked at again
PATIENCE: Final = timedelta(seconds=60)  # how long a registry, or its Kafka or MongoDB, may be away
_WAIT: Final = timedelta(seconds=1)
_TOPICS: Final[Mapping[CompactedTopic, str]] = {"integrations": INTEGRATION_EVENTS, "routes": ROUTE_EVENTS}

Tell = Callable[[str], None]
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Place:
    """How far a rebuild got: everything before `topic`, and of it the ids up to `after`."""

    topic: CompactedTopic = "integrations"
    after: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place that `str` wrote. Raises TopicsNotRebuiltError."""
        topic, _, after = text.partition(":")
        for known in get_args(CompactedTopic):
            if topic == known:
                return cls(known, after or None)
        raise TopicsNotRebuiltError(f"{text!r} is no place; a rebuild tells them, such as routes:3f1c")

    def __str__(self) -> str:
        """Return what `parse` takes."""
        return f"{self.topic}:{self.after or ''}"


def rebuild_topics(
    kafka: KafkaSettings, internal: InternalSettings, tell: Tell, *, begin: Place, page: int = MOST_REBUILT
) -> None:
    """Publish all integrations and routes again and tell how it goes.

    Raises TopicsNotRebuiltError, with the place to go on from, when the registry or Kafka stay away.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is told as an error
    asyncio.run(_Rebuild(kafka, tell, page).run(internal, begin))


class _Rebuild:
    def __init__(self, kafka: KafkaSettings, tell: Tell, page: int) -> None:
        self._kafka = kafka
        self._tell = tell
        self._page = page
        self._place = Place()

    async def run(self, internal: InternalSettings, begin: Place) -> None:
        self._place = begin
        settings = internal.model_copy(update={"timeout": CALL_TIMEOUT})
        topics = list(_TOPICS)
        # What is read now was saved before now: a key that the registry does not know afterwards is gone for good.
        told = {topic: await self._told_of(topic) for topic in topics}
        async with RegistryClient(settings) as registry:
            for topic in topics[topics.index(begin.topic) :]:
                await self._publish(registry, topic, begin.after if topic == begin.topic else None)
            for topic, keys in told.items():
                await self._forget(registry, topic, keys)

    async def _publish(self, registry: RegistryClient, topic: CompactedTopic, after: str | None) -> None:
        published = 0
        while True:
            self._place = Place(topic, after)
            done = await self._patiently(partial(registry.rebuild_topic, topic, after=after, limit=self._page))
            published += done.published
            if done.after is None:
                break
            after = done.after
            self._tell(f"{published} {topic} published, up to {Place(topic, after)}")
        self._tell(f"{published} {topic} published, all there are")

    async def _forget(self, registry: RegistryClient, topic: CompactedTopic, keys: Mapping[str, str]) -> None:
        forgotten = 0
        for some in _pages(keys, self._page):
            forgotten += (await self._patiently(partial(registry.forget_keys, topic, some))).published
        self._tell(f"{forgotten} {topic} forgotten that no longer exist")

    async def _patiently(self, ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        """Return what the registry answers; while it, or what it needs, is away, ask again."""
        clock = asyncio.get_running_loop().time
        end = clock() + PATIENCE.total_seconds()
        while True:
            try:
                return await ask()
            except TransientError as error:
                if clock() > end:
                    raise self._stopped(str(error)) from error
            except TielineError as error:
                raise self._stopped(str(error)) from error
            await asyncio.sleep(_WAIT.total_seconds())

    async def _told_of(self, topic: CompactedTopic) -> dict[str, str]:
        """Return the keys that a topic tells of, with their workspaces' ids."""
        told: dict[str, str] = {}
        try:
            async with reading(self._kafka) as consumer:
                partitions = await partitions_of(consumer, self._kafka, _TOPICS[topic])
                async for record in everything(consumer, partitions, self._kafka):
                    if record.value is None:
                        told.pop(record.key, None)
                    else:
                        told[record.key] = record.headers.get("workspace_id", "")
        except TielineError as error:
            raise self._stopped(str(error)) from error
        return told

    def _stopped(self, reason: str) -> TopicsNotRebuiltError:
        return TopicsNotRebuiltError(f"{reason}\nGo on with: tieline topics rebuild --from {self._place}")


def _pages(keys: Mapping[str, str], size: int) -> Iterator[dict[str, str]]:
    left = iter(keys.items())
    while page := dict(islice(left, size)):
        yield page
