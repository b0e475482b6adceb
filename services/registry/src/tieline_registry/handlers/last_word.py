"""The last record of a compacted key must tell the present state, also when two registries publish at the same time.

A registry that was slow, or that repeats a batch after a crash, may publish an older state behind a newer one, and
compaction would keep the older one for good. So whoever publishes looks afterwards whether the database has moved on,
and then publishes what is there, under the id it had before. Every writer saves, publishes and looks in this order, so
after the last record of a key nothing newer is left untold.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tieline.clock import Clock
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS

from tieline_registry.handlers import outgoing
from tieline_registry.handlers.ports import EventStore

MOST_ROUNDS: Final = 5  # each round but the first means that another registry saved within milliseconds


class LastWord:
    """Publishes events of integrations and routes, and the present state again where it was overtaken."""

    def __init__(self, *, store: EventStore, producer: RecordProducer, clock: Clock) -> None:
        self._store = store
        self._producer = producer
        self._clock = clock

    async def publish(
        self, records: Sequence[OutgoingRecord], *, saved: Mapping[str, int], repeated: Iterable[str] = ()
    ) -> None:
        """Send `records`, then make sure of the last word.

        `saved` are the sequence numbers that workspaces had when the records' states were saved; `repeated` are
        workspaces whose records may be older. Raises DatabaseUnavailableError, KafkaUnavailableError.
        """
        await self._producer.send_all(records)
        told = {(record.topic, record.key): record for record in records if record.topic in _COMPACTED}
        suspects = set(repeated) | await self._moved(saved)
        told = {place: record for place, record in told.items() if record.headers["workspace_id"] in suspects}
        for _ in range(MOST_ROUNDS):
            newer = await self._newer(told)
            if not newer:
                return
            await self._producer.send_all(newer)
            told = {(record.topic, record.key): record for record in newer}

    async def _moved(self, saved: Mapping[str, int]) -> set[str]:
        if not saved:
            return set()
        now = await self._store.sequences(saved)
        return {workspace_id for workspace_id, sequence in saved.items() if now.get(workspace_id) != sequence}

    async def _newer(self, told: Mapping[tuple[str, str], OutgoingRecord]) -> list[OutgoingRecord]:
        """Return the present state of what was told otherwise."""
        integrations = await self._store.integrations([key for topic, key in told if topic == INTEGRATION_EVENTS])
        routes = await self._store.routes([key for topic, key in told if topic == ROUTE_EVENTS])
        newer = []
        for (topic, key), record in told.items():
            present: OutgoingRecord | None = None
            if topic == INTEGRATION_EVENTS and key in integrations:
                stored = integrations[key]
                present = outgoing.integration_saved(stored.integration, stored.event_id)
            elif topic == ROUTE_EVENTS and key in routes:
                present = outgoing.route_saved(routes[key].route, routes[key].event_id)
            elif record.value is not None:
                present = outgoing.tombstone(topic, key, workspace_id=record.headers["workspace_id"], at=self._clock())
            if present is not None and present.headers["ce_id"] != record.headers["ce_id"]:
                newer.append(present)
        return newer


_COMPACTED: Final = frozenset({INTEGRATION_EVENTS, ROUTE_EVENTS})
