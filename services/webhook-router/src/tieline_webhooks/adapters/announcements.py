"""What became of deliveries, as events on `webhooks.delivery.events.v1`.

Published in the background, in order; what does not fit a bounded queue while Kafka is away is counted and dropped: the
truth about a delivery is in the database.
"""

import asyncio
import logging
from datetime import timedelta

import msgspec
from prometheus_client import Counter, Histogram
from tieline.errors import KafkaUnavailableError
from tieline.ids import derived_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.topics import DELIVERY_EVENTS

from tieline_webhooks.domain.deliveries import Attempt, Delivery, State

MOST_WAITING = 10_000
MOST_AT_ONCE = 500
RETRY = timedelta(seconds=1)

OUTCOMES = Counter(
    "tieline_delivery_attempts_total", "Attempts at deliveries by channel and outcome.", ["channel", "outcome"]
)
AGE = Histogram(
    "tieline_delivery_age_seconds",
    "From routing an event to the end of its delivery, waits for rate limits and retries included.",
    ["channel", "state"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 14400, 86400, 259200),
)
ENDED = frozenset({State.DELIVERED, State.DEAD})
DROPPED = Counter("tieline_delivery_events_dropped_total", "Delivery events that were not published.")

log = logging.getLogger(__name__)


class KafkaAnnouncer:
    """Publishes deliveries after each attempt, and after what else changes them. `run` must be running."""

    def __init__(self, producer: RecordProducer) -> None:
        self._producer = producer
        self._waiting: asyncio.Queue[OutgoingRecord] = asyncio.Queue(MOST_WAITING)

    def announce(self, delivery: Delivery, *, attempted: bool) -> None:
        """Publish the delivery as it is now, after an attempt or something else that changed it; never waits."""
        if delivery.state in ENDED:
            age = delivery.updated_at - delivery.created_at
            AGE.labels(delivery.channel, delivery.state.value).observe(max(age.total_seconds(), 0.0))
        if attempted:
            OUTCOMES.labels(delivery.channel, delivery.history[-1].outcome).inc()
        try:
            self._waiting.put_nowait(_record(delivery, delivery.history[-1] if attempted else None))
        except asyncio.QueueFull:
            DROPPED.inc()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < MOST_AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._until_sent(batch)

    async def _until_sent(self, batch: list[OutgoingRecord]) -> None:
        while True:
            try:
                await self._producer.send_all(batch)
            except KafkaUnavailableError as error:
                log.warning("delivery events wait for Kafka", extra={"reason": str(error)})
                await asyncio.sleep(RETRY.total_seconds())
            else:
                return


def _record(delivery: Delivery, outcome: Attempt | None) -> OutgoingRecord:
    kind = "retrying" if delivery.state is State.PENDING else delivery.state.value
    value = {
        "deliveryId": delivery.id,
        "workspaceId": delivery.workspace_id,
        "eventId": delivery.event_id,
        "eventType": delivery.event.type,
        "routeId": delivery.route_id,
        "channel": delivery.channel,
        "channelId": delivery.channel_id,
        "state": delivery.state.value,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "uncertain": delivery.uncertain,
        "messageId": delivery.message_id,
        "nextAttemptAt": delivery.due if delivery.state is State.PENDING else None,
        "outcome": outcome.outcome if outcome else None,
        "detail": outcome.detail if outcome else None,
        "milliseconds": outcome.milliseconds if outcome else None,
    }
    attempt = f"{delivery.replays}/{delivery.updated_at.isoformat()}"
    headers = cloudevent_headers(
        event_id=derived_id("delivery-event", delivery.id, attempt),
        event_type=f"delivery.{kind}",
        source="webhook-router",
        time=delivery.updated_at,
        subject=delivery.id,
        correlation_id=delivery.event_id,
        causation_id=delivery.event_id,
    )
    headers["ce_workspaceid"] = delivery.workspace_id
    return OutgoingRecord(
        topic=DELIVERY_EVENTS, key=delivery.destination, value=msgspec.json.encode(value), headers=headers
    )
