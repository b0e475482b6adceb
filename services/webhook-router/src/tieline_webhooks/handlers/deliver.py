"""One attempt at one delivery: may it be sent, as what, did it arrive; then record it."""

import logging
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

from tieline.clock import Clock
from tieline.ids import derived_id
from tieline.observability.tracing import span_of_kept

from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import (
    Blocked,
    Delivered,
    Delivery,
    NotEditable,
    Outcome,
    Parked,
    Superseded,
    fallen_back,
    settled,
    wants_fallback,
)
from tieline_webhooks.domain.lanes import Lease
from tieline_webhooks.domain.messages import render
from tieline_webhooks.domain.route_index import RouteTable
from tieline_webhooks.domain.routes import ChannelRoute
from tieline_webhooks.domain.routing import fallback_of
from tieline_webhooks.ports import (
    Accounts,
    Announcer,
    ChannelClient,
    Deliveries,
    Due,
    LookupImpossibleError,
    Messages,
    ShownMessage,
)

ROUTE_GRACE = timedelta(seconds=60)
"""How far this replica's routes may be behind those of the one that routed the event."""

log = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """The destination belongs to somebody else now; nothing more may be sent to it from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """How an attempt ended, what the delivery is now, and the delivery that takes over if the destination is down."""

    outcome: Outcome
    delivery: Delivery
    taken_over_by: Delivery | None = None


class Deliver:
    """Attempts deliveries. Only one attempt at a time per destination."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        messages: Messages,
        accounts: Accounts,
        channels: Mapping[str, ChannelClient],
        routes: RouteTable[ChannelRoute],
        announcer: Announcer,
        clock: Clock,
        sending: Callable[[Delivery], AbstractAsyncContextManager[object]],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Take the parts; `sending` is entered around each call to a platform and bounds how many are made at once."""
        self._deliveries = deliveries
        self._messages = messages
        self._accounts = accounts
        self._channels = channels
        self._routes = routes
        self._announcer = announcer
        self._clock = clock
        self._sending = sending
        self._uniform = uniform

    async def __call__(self, due: Due, lease: Lease, *, may_send: Callable[[], bool]) -> Attempted:
        """Attempt one delivery and record the outcome.

        Raises DatabaseUnavailableError, RegistryUnavailableError (nothing was sent), LeaseLostError.
        """
        with span_of_kept(f"deliver to {due.delivery.channel}", due.delivery.traceparent):
            return await self._attempt(due, lease, may_send)

    async def _attempt(self, due: Due, lease: Lease, may_send: Callable[[], bool]) -> Attempted:
        delivery = due.delivery
        held = due.begun_by is not None or delivery.uncertain
        blocked = self._objection(delivery)
        account = blocked or await self._accounts.of(delivery.workspace_id, delivery.channel)
        if isinstance(account, Blocked):
            return await self._record_unsent(due, lease, account)
        shown = await self._shown(delivery)
        if shown is not None and _is_later(shown, delivery):
            return await self._record_unsent(due, lease, Superseded())
        if held:
            found = await self._found(account, delivery)
            if found is not None:
                return await self._record_unsent(due, lease, Delivered(message_id=found, found=True))
            delivery = replace(delivery, uncertain=True)
        async with self._sending(delivery):
            begun = may_send() and await self._deliveries.begin(
                replace(due, delivery=delivery), lease, now=self._clock()
            )
            if not begun or not may_send():
                raise LeaseLostError
            started = self._clock()
            outcome = await self._send(account, delivery, shown)
        return await self._record(delivery, lease, outcome, self._clock() - started, shown)

    def _objection(self, delivery: Delivery) -> Blocked | None:
        """Return why the route no longer wants this delivery, None if it does."""
        if delivery.forced:
            return None
        route = self._routes.index_of(delivery.workspace_id).get(delivery.route_id)
        if route is None:
            known_long_enough = self._clock() - delivery.created_at > ROUTE_GRACE
            return Blocked(reason=Parked.ROUTE_DELETED) if known_long_enough else None
        return None if route.enabled else Blocked(reason=Parked.ROUTE_DISABLED)

    async def fall_back(self, due: Due, lease: Lease) -> Delivery | None:
        """Let the fallback of a delivery's route take over without trying any more; None if it has none."""
        fallback = self._fallback_route(due.delivery)
        if fallback is None or due.begun_by is not None:
            return None
        if not await self._deliveries.begin(due, lease, now=self._clock()):
            raise LeaseLostError
        after = replace(fallen_back(due.delivery), updated_at=self._clock())
        taking_over = fallback_of(due.delivery, fallback, now=self._clock())
        if not await self._deliveries.settle(due.delivery, after, lease, fallback=taking_over):
            raise LeaseLostError
        self._announcer.announce(after, attempted=False)
        return taking_over

    def _fallback(self, delivery: Delivery) -> Delivery | None:
        route = self._fallback_route(delivery) if wants_fallback(delivery) else None
        return None if route is None else fallback_of(delivery, route, now=self._clock())

    def _fallback_route(self, delivery: Delivery) -> ChannelRoute | None:
        """Return the route that takes over; none for what somebody asked to be sent."""
        routes = self._routes.index_of(delivery.workspace_id)
        route = routes.get(delivery.route_id)
        if delivery.forced or route is None or route.fallback_route_id is None:
            return None
        fallback = routes.get(route.fallback_route_id)
        return fallback if fallback is not None and fallback.enabled and fallback.id != route.id else None

    async def _shown(self, delivery: Delivery) -> ShownMessage | None:
        """Return the message to change, if the event tells a state and the channel can show the change."""
        if delivery.event.state is None or not self._channels[delivery.channel].edits or delivery.replays:
            return None
        return await self._messages.find(delivery.destination, delivery.event.subject)

    async def _found(self, account: Account, delivery: Delivery) -> str | None:
        channel = self._channels[delivery.channel]
        try:
            return await channel.find(
                account, delivery.channel_id, delivery_id=_mark(delivery), since=delivery.created_at
            )
        except LookupImpossibleError as error:
            log.info("a delivery may be repeated", extra={"delivery": delivery.id, "reason": str(error)})
            return None

    async def _send(self, account: Account, delivery: Delivery, shown: ShownMessage | None) -> Outcome:
        channel = self._channels[delivery.channel]
        changed = shown is not None and shown.state != delivery.event.state
        body = render(
            delivery.channel,  # type: ignore[arg-type]  # a route's channel is one of them
            delivery.event,
            event_id=delivery.event_id,
            received_at=delivery.created_at,
            resolved_from=shown.state if shown is not None and changed else None,  # type: ignore[arg-type]  # stored as it was
        )
        if shown is not None and changed:
            outcome = await channel.edit(account, delivery.channel_id, shown.message_id, body)
            if not isinstance(outcome, NotEditable):
                return outcome
        return await channel.post(account, delivery.channel_id, body, delivery_id=_mark(delivery))

    async def _record_unsent(self, due: Due, lease: Lease, outcome: Outcome) -> Attempted:
        if not await self._deliveries.begin(due, lease, now=self._clock()):
            raise LeaseLostError
        return await self._record(due.delivery, lease, outcome, timedelta(0), None)

    async def _record(
        self, before: Delivery, lease: Lease, outcome: Outcome, took: timedelta, shown: ShownMessage | None
    ) -> Attempted:
        milliseconds = int(took.total_seconds() * 1000)
        after = settled(before, outcome, now=self._clock(), milliseconds=milliseconds, uniform=self._uniform)
        if isinstance(outcome, Delivered):
            await self._remember(after, outcome, shown)
        fallback = self._fallback(after)
        if fallback is not None:
            after = fallen_back(after)
        if not await self._deliveries.settle(before, after, lease, fallback=fallback):
            raise LeaseLostError
        self._announcer.announce(after, attempted=True)
        return Attempted(outcome=outcome, delivery=after, taken_over_by=fallback)

    async def _remember(self, delivery: Delivery, outcome: Delivered, shown: ShownMessage | None) -> None:
        """Note which message tells about the subject, before the delivery counts as done: a crash repeats it."""
        message_id = outcome.message_id or (shown.message_id if shown is not None and outcome.edited else None)
        if delivery.event.state is None or message_id is None or not self._channels[delivery.channel].edits:
            return
        message = ShownMessage(
            message_id=message_id,
            state=delivery.event.state,
            position=delivery.position,
            received_at=delivery.created_at,
        )
        await self._messages.save(delivery.destination, delivery.event.subject, message)


def _is_later(shown: ShownMessage, delivery: Delivery) -> bool:
    """Tell whether what is shown came after this event: both signs have to say so.

    A log may begin anew at 0, and the clocks of replicas differ.
    """
    return shown.position > delivery.position and shown.received_at > delivery.created_at


def _mark(delivery: Delivery) -> str:
    """Return what the message is marked with; a replay is meant to be a second message."""
    return derived_id("replay", delivery.id, str(delivery.replays)) if delivery.replays else delivery.id
