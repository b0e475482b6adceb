"""Why routes take an event or not, and what a route would have taken."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from tieline.clock import Clock
from tieline.contracts.events import agent_id

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.matching import Matcher, RoutedEvent
from tieline_webhooks.domain.routes import ChannelRoute, Verdict, decide

MOST_LOOKED_AT: Final = 50_000
MOST_SAMPLES: Final = 20
BREATH: Final = 200  # events judged before others get a turn


class StoredEvents(Protocol):
    """Events of the past."""

    async def get(self, workspace_id: str, event_id: str) -> AcceptedEvent | None:
        """Return an event, None if it is unknown or no longer kept."""
        ...

    def since(self, workspace_id: str, at: datetime, *, with_bodies: bool, limit: int) -> AsyncIterator[AcceptedEvent]:
        """Yield events from an instant on, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What each route of a workspace says to an event."""

    event: NormalisedEvent
    verdicts: list[tuple[ChannelRoute, Verdict]]
    agent_id: str | None

    @property
    def routed(self) -> bool:
        """Whether any route takes it."""
        return self.agent_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What a route would have taken. `cut_off`: there were more events than are looked at."""

    looked_at: int = 0
    matched: int = 0
    cut_off: bool = False
    by_type: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[AcceptedEvent, ...] = ()


class Explain:
    """Asks the routes without sending anything."""

    def __init__(self, *, matcher: Matcher, events: StoredEvents, clock: Clock) -> None:
        self._matcher = matcher
        self._events = events
        self._clock = clock

    async def stored(self, workspace_id: str, event_id: str) -> Explanation | None:
        """Explain an event of the past by the routes of today; None if it is unknown."""
        found = await self._events.get(workspace_id, event_id)
        return None if found is None else self.explain(workspace_id, found.event, found.body)

    def explain(self, workspace_id: str, event: NormalisedEvent, body: bytes) -> Explanation:
        """Explain an event that need not have happened."""
        verdicts = self._matcher.verdicts(workspace_id, event, body)
        taken = any(verdict.takes for _, verdict in verdicts)
        return Explanation(
            event=event, verdicts=verdicts, agent_id=agent_id(workspace_id, event.project) if taken else None
        )

    async def what_if(self, route: ChannelRoute, *, within: timedelta) -> WhatIf:
        """Return what a route, saved or not, would have taken of its workspace's events."""
        looked_at, by_type = 0, Counter[str]()
        samples: list[AcceptedEvent] = []
        events = self._events.since(
            route.workspace_id,
            self._clock() - within,
            with_bodies=route.content_filter is not None,
            limit=MOST_LOOKED_AT,
        )
        async for each in events:
            looked_at += 1
            if looked_at % BREATH == 0:
                await asyncio.sleep(0)
            if decide(route, RoutedEvent(each.event, each.body)).takes:
                by_type[each.event.type] += 1
                if len(samples) < MOST_SAMPLES:
                    samples.append(each)
        return WhatIf(
            looked_at=looked_at,
            matched=by_type.total(),
            cut_off=looked_at == MOST_LOOKED_AT,
            by_type=dict(by_type.most_common()),
            samples=tuple(samples),
        )


def sketched_event(facts: Mapping[str, Any]) -> NormalisedEvent:
    """Return an event of which only a few things are said: its type, perhaps source and project."""
    kind = str(facts["type"])
    return NormalisedEvent(
        type=kind,
        source=facts.get("source") or "explain",
        subject="explain",
        title=kind,
        dedupe_key="",
        aliases=tuple(facts.get("aliases") or ()),
        project=facts.get("project"),
        project_id=facts.get("project_id"),
    )
