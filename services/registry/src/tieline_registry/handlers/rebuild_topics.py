"""Writing the compacted topics anew from the database, after Kafka lost them or was restored from a backup.

The database is the truth, the topics are what others make their tables of. So every integration and route is published
as it is now, under the id that its last event had, and what a restored topic still tells of but no longer exists is
forgotten. Safe to repeat, to kill and to run while everything goes on: like every other publication, these look
afterwards whether the database has moved on.
"""

from collections.abc import Collection, Mapping

from tieline.clock import Clock
from tieline.kafka.records import OutgoingRecord
from tieline.registry_client import CompactedTopic, Rebuilt
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS

from tieline_registry.handlers import outgoing
from tieline_registry.handlers.last_word import LastWord
from tieline_registry.handlers.ports import EventStore, IdStore

_TOPICS: Mapping[CompactedTopic, str] = {"integrations": INTEGRATION_EVENTS, "routes": ROUTE_EVENTS}


class RebuildTopics:
    """Publishes the present state of integrations and routes again."""

    def __init__(self, *, ids: IdStore, store: EventStore, last_word: LastWord, clock: Clock) -> None:
        self._ids = ids
        self._store = store
        self._last_word = last_word
        self._clock = clock

    async def publish(self, topic: CompactedTopic, *, after: str | None, limit: int) -> Rebuilt:
        """Publish up to `limit` of them, those with ids above `after`.

        Raises DatabaseUnavailableError, KafkaUnavailableError.
        """
        ids = await self._ids.ids(topic, after=after, limit=limit)
        await self._send(await self._present(topic, ids))
        return Rebuilt(published=len(ids), after=ids[-1] if len(ids) == limit else None)

    async def forget(self, topic: CompactedTopic, keys: Mapping[str, str]) -> Rebuilt:
        """Publish a tombstone for each of `keys` (workspace ids by key) that no longer exists.

        Raises DatabaseUnavailableError, KafkaUnavailableError.
        """
        there = {record.key for record in await self._present(topic, keys)}
        gone = [
            outgoing.tombstone(_TOPICS[topic], key, workspace_id=workspace_id, at=self._clock())
            for key, workspace_id in keys.items()
            if key not in there
        ]
        await self._send(gone)
        return Rebuilt(published=len(gone), after=None)

    async def _present(self, topic: CompactedTopic, ids: Collection[str]) -> list[OutgoingRecord]:
        if topic == "integrations":
            integrations = (await self._store.integrations(list(ids))).values()
            return [outgoing.integration_saved(stored.integration, stored.event_id) for stored in integrations]
        routes = (await self._store.routes(list(ids))).values()
        return [outgoing.route_saved(stored.route, stored.event_id) for stored in routes]

    async def _send(self, records: list[OutgoingRecord]) -> None:
        workspaces = {record.headers["workspace_id"] for record in records}
        await self._last_word.publish(records, saved={}, repeated=workspaces)
