"""Run events on their way to Kafka."""

from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.topics import SYNC_EVENTS

from tieline_sync.domain.run_events import RunAnyEvent, event_id

SOURCE = "/tieline/sync-worker"


class KafkaEvents:
    """The topic of run events, keyed by the integration."""

    def __init__(self, producer: RecordProducer) -> None:
        self._producer = producer

    async def publish(self, event: RunAnyEvent) -> tuple[int, int]:
        """Append an event and return its partition and offset once acknowledged. Raises KafkaUnavailableError."""
        return await self._producer.send(
            OutgoingRecord(
                topic=SYNC_EVENTS,
                key=event.integration_id,
                value=event.to_json(),
                headers=cloudevent_headers(
                    event_id=event_id(event),
                    event_type=event.type,
                    source=SOURCE,
                    subject=event.run_id,
                    time=event.at,
                    correlation_id=event.run_id,
                ),
            )
        )
