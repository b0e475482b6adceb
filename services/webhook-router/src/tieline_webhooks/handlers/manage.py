"""What an operator does with deliveries: release what is parked, send again."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from tieline.clock import Clock

from tieline_webhooks.domain.deliveries import Delivery, Parked, State, expired, released, replayed
from tieline_webhooks.domain.selection import MOST, Selection
from tieline_webhooks.ports import Announcer, Wake


class Changes(Protocol):
    """Where deliveries are changed."""

    async def change(
        self, workspace_id: str, selection: Selection, change: Callable[[Delivery], Delivery | None]
    ) -> list[Delivery]:
        """Change the selected deliveries and book it; return those changed. Raises DatabaseUnavailableError."""
        ...

    async def change_untouched(
        self, since: datetime, states: Collection[State], change: Callable[[Delivery], Delivery | None], *, limit: int
    ) -> list[Delivery]:
        """Change deliveries of all workspaces that are in these states and were not touched since; as `change`."""
        ...


class ManageDeliveries:
    """Changes deliveries, tells of it and sees to it that they are sent."""

    def __init__(self, *, deliveries: Changes, dispatcher: Wake, announcer: Announcer, clock: Clock) -> None:
        self._deliveries = deliveries
        self._announcer = announcer
        self._dispatcher = dispatcher
        self._clock = clock

    async def release(self, workspace_id: str, selection: Selection, *, forced: bool = True) -> list[Delivery]:
        """Send what is parked; releasing again does nothing. Return what was released.

        `forced`: even if its route is disabled or gone, because somebody said so.
        """
        return await self._change(
            workspace_id,
            replace(selection, states=frozenset({State.PARKED})),
            lambda each: _released(each, self._clock, forced=forced),
        )

    async def replay(self, workspace_id: str, selection: Selection) -> list[Delivery]:
        """Send deliveries once more, whatever became of them; return them. Each call sends once more.

        What is pending is sent now instead of later.
        """
        return await self._change(workspace_id, selection, lambda each: _again(each, self._clock))

    async def release_fixed(self, workspace_id: str, channel: str, reasons: frozenset[Parked]) -> list[Delivery]:
        """Release what waited for a channel's integration to be put right."""
        found: list[Delivery] = []
        for reason in sorted(reasons):
            while True:
                selection = Selection(channel=channel, reason=reason.value, limit=MOST)
                part = await self.release(workspace_id, selection, forced=False)
                found += part
                if len(part) < MOST:
                    break
        return found

    async def expire(self, *, untouched_for: timedelta) -> int:
        """Give up what has been parked, or pending, for so long; return how many deliveries."""
        given_up = 0
        while True:
            now = self._clock()
            part = await self._deliveries.change_untouched(
                now - untouched_for,
                {State.PARKED, State.PENDING},
                partial(expired, now=now),
                limit=MOST,
            )
            self._tell(part)
            given_up += len(part)
            if len(part) < MOST:
                return given_up

    async def _change(
        self, workspace_id: str, selection: Selection, change: Callable[[Delivery], Delivery | None]
    ) -> list[Delivery]:
        changed = await self._deliveries.change(workspace_id, selection, change)
        self._tell(changed)
        self._dispatcher.wake({each.destination for each in changed})
        return changed

    def _tell(self, changed: Collection[Delivery]) -> None:
        for each in changed:
            self._announcer.announce(each, attempted=False)


def _released(delivery: Delivery, clock: Clock, *, forced: bool) -> Delivery | None:
    if delivery.state is not State.PARKED:
        return None
    return replace(released(delivery, now=clock()), forced=forced or delivery.forced)


def _again(delivery: Delivery, clock: Clock) -> Delivery:
    now = clock()
    if delivery.state is State.PENDING:
        return replace(delivery, due=now, updated_at=now)
    return replayed(delivery, now=now)
