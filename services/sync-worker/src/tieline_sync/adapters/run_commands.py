"""Commands that schedules give rise to, on their way to Kafka."""

from tieline.contracts.sync import StartRun
from tieline.ids import derived_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.topics import SYNC_COMMANDS

from tieline_sync.adapters.run_events import SOURCE


class KafkaRunCommands:
    """The topic of run commands, keyed by the integration."""

    def __init__(self, producer: RecordProducer) -> None:
        self._producer = producer

    async def send(self, command: StartRun) -> None:
        """Append a command. Raises KafkaUnavailableError."""
        await self._producer.send(
            OutgoingRecord(
                topic=SYNC_COMMANDS,
                key=command.integration_id,
                value=command.to_json(),
                headers=cloudevent_headers(
                    event_id=derived_id("sync-run-command", command.type, command.run_id),
                    event_type=command.type,
                    source=SOURCE,
                    subject=command.run_id,
                    time=command.requested_at,
                    correlation_id=command.run_id,
                ),
            )
        )
