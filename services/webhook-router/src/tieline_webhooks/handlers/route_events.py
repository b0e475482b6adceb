"""Taking events in from the log, whoever wrote them: one delivery per event and matching route."""

from collections.abc import Sequence
from typing import Protocol

from tieline.clock import Clock

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.deliveries import State
from tieline_webhooks.domain.matching import Matcher
from tieline_webhooks.domain.routing import RoutedRecord, deliveries_of
from tieline_webhooks.ports import RoutedStore, Wake


class ReceivedRecord(Protocol):
    """A record of the log as it is handed in."""

    @property
    def accepted(self) -> AcceptedEvent:
        """The event."""
        ...

    @property
    def partition(self) -> int:
        """Which partition it is in."""
        ...

    @property
    def offset(self) -> int:
        """Where in the partition."""
        ...


class RouteEvents:
    """Routes a batch of events. Safe to repeat: ids are derived from the events, and what was booked is known."""

    def __init__(self, *, matcher: Matcher, store: RoutedStore, dispatcher: Wake, clock: Clock) -> None:
        self._matcher = matcher
        self._store = store
        self._dispatcher = dispatcher
        self._clock = clock

    async def __call__(self, records: Sequence[ReceivedRecord]) -> None:
        """Record the deliveries of a batch. Raises DatabaseUnavailableError; then nothing of it is recorded."""
        now = self._clock()
        routed = []
        for record in records:
            accepted = record.accepted
            takers = self._matcher.takers(accepted.workspace_id, accepted.event, accepted.body)
            routed.append(
                RoutedRecord(
                    accepted=accepted,
                    deliveries=deliveries_of(accepted, takers, position=record.offset, now=now),
                    partition=record.partition,
                    offset=record.offset,
                )
            )
        new = await self._store.record(routed)
        self._dispatcher.wake({each.destination for each in new if each.state is State.PENDING})
