"""Events from the log, whoever wrote them: one delivery per event and matching route, and one copy for the agent."""

from collections.abc import Sequence
from typing import Protocol

from tieline.clock import Clock
from tieline.kafka.records import IncomingRecord

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.deliveries import State
from tieline_webhooks.domain.matching import Matcher
from tieline_webhooks.domain.routing import RoutedRecord, agent_of, deliveries_of
from tieline_webhooks.ports import Agents, Announcer, HandedOver, RoutedStore, Wake


class ReceivedRecord(Protocol):
    """A record of the log as it is handed in."""

    @property
    def accepted(self) -> AcceptedEvent:
        """The event."""
        ...

    @property
    def record(self) -> IncomingRecord:
        """The record that it was read from."""
        ...


class RouteEvents:
    """Routes a batch of events. Safe to repeat: ids are derived from the events, and what was booked is known."""

    def __init__(
        self,
        *,
        matcher: Matcher,
        store: RoutedStore,
        agents: Agents,
        dispatcher: Wake,
        announcer: Announcer,
        clock: Clock,
    ) -> None:
        self._matcher = matcher
        self._store = store
        self._agents = agents
        self._dispatcher = dispatcher
        self._announcer = announcer
        self._clock = clock

    async def __call__(self, records: Sequence[ReceivedRecord]) -> None:
        """Record the deliveries of a batch, and hand its events to their agents.

        Raises DatabaseUnavailableError, then nothing of it is recorded, and KafkaUnavailableError, then some agents may
        have theirs. A batch that comes again is handed over again: agents know an event by its source and id.
        """
        now = self._clock()
        routed, handed = [], {}
        for each in records:
            accepted, record = each.accepted, each.record
            takers = self._matcher.takers(accepted.workspace_id, accepted.event, accepted.body)
            routed.append(
                RoutedRecord(
                    accepted=accepted,
                    deliveries=deliveries_of(accepted, takers, position=record.offset, now=now),
                    partition=record.partition,
                    offset=record.offset,
                )
            )
            agent = agent_of(accepted, takers)
            if agent is not None:
                handed[record.partition, record.offset] = HandedOver(agent, record)
        new, repeated = await self._store.record(routed)
        self._dispatcher.wake({each.destination for each in new if each.state is State.PENDING})
        for parked in (each for each in new if each.state is State.PARKED):
            self._announcer.announce(parked, attempted=False)
        await self._agents.hand_over([each for place, each in handed.items() if place not in repeated])
