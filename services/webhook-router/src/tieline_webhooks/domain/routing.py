"""From an event and the routes that take it to deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tieline.contracts.events import agent_id

from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.deliveries import Delivery, Parked, State, delivery_id
from tieline_webhooks.domain.routes import ChannelRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedRecord:
    """One record of the event log: its event, its deliveries, and where it stands.

    Records of one subject share a partition, so an offset that is not behind the last one seen for an event is another
    arrival of it, and one that is behind or the same is a redelivery.
    """

    accepted: AcceptedEvent
    deliveries: tuple[Delivery, ...]
    partition: int
    offset: int


def deliveries_of(
    accepted: AcceptedEvent, takers: Sequence[ChannelRoute], *, position: int, now: datetime
) -> tuple[Delivery, ...]:
    """Return one delivery per route; those of disabled routes are parked. The same event gives the same ids again."""
    return tuple(_delivery(accepted, route, position, now) for route in takers)


def agent_of(accepted: AcceptedEvent, takers: Sequence[ChannelRoute]) -> str | None:
    """Return the agent that the event is handed to; None when no route takes it, or only disabled ones would."""
    if not any(route.enabled for route in takers):
        return None
    return agent_id(accepted.workspace_id, accepted.event.project)


def fallback_of(delivery: Delivery, route: ChannelRoute, *, now: datetime) -> Delivery:
    """Return the delivery of the same event to another route."""
    return Delivery(
        id=delivery_id(delivery.event_id, route.id),
        workspace_id=delivery.workspace_id,
        event_id=delivery.event_id,
        event=delivery.event,
        route_id=route.id,
        channel=route.channel,
        channel_id=route.channel_id,
        position=delivery.position,
        state=State.PENDING,
        due=now,
        created_at=delivery.created_at,
        updated_at=now,
        traceparent=delivery.traceparent,
    )


def _delivery(accepted: AcceptedEvent, route: ChannelRoute, position: int, now: datetime) -> Delivery:
    return Delivery(
        id=delivery_id(accepted.id, route.id),
        workspace_id=accepted.workspace_id,
        event_id=accepted.id,
        event=accepted.event,
        route_id=route.id,
        channel=route.channel,
        channel_id=route.channel_id,
        position=position,
        state=State.PENDING if route.enabled else State.PARKED,
        reason=None if route.enabled else Parked.ROUTE_DISABLED.value,
        due=now,
        created_at=now,
        updated_at=now,
        traceparent=accepted.traceparent,
    )
