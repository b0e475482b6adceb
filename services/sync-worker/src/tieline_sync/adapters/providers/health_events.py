"""Events about integrations, for whoever routes or consumes `tieline.events.v1`."""

from dataclasses import replace

import orjson
from tieline.clock import Clock
from tieline.contracts.events import INTEGRATION_ID, SEVERITY, emitted_event
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id
from tieline.kafka.producer import RecordProducer

from tieline_sync.domain.providers.health import Health

SOURCE = "/tieline/sync-worker"
CREDENTIALS_FAILED = "integration.credentials.failed"


class KafkaHealthEvents:
    """Emits `integration.credentials.failed`."""

    def __init__(self, producer: RecordProducer, clock: Clock) -> None:
        self._producer = producer
        self._clock = clock

    async def credentials_failed(self, integration: Integration, health: Health) -> None:
        """Tell that an integration's credentials stopped working: once a day and revision, whoever notices.

        Raises KafkaUnavailableError.
        """
        failed_at = health.credentials_failed_at or self._clock()
        record = emitted_event(
            workspace_id=integration.workspace_id,
            event_id=derived_id(
                CREDENTIALS_FAILED, integration.id, str(integration.revision), failed_at.date().isoformat()
            ),
            event_type=CREDENTIALS_FAILED,
            source=SOURCE,
            time=failed_at,
            subject=f"integrations/{integration.id}",
            title=f"The credentials of {integration.display_name} do not work any more",
            data=orjson.dumps(
                {
                    "integrationId": integration.id,
                    "name": integration.name,
                    "provider": integration.provider,
                    "revision": integration.revision,
                    "failedAt": failed_at.isoformat(),
                    "lastSuccessAt": health.last_success_at.isoformat() if health.last_success_at else None,
                    "error": health.last_error,
                }
            ),
        )
        more = {INTEGRATION_ID: integration.id, SEVERITY: "error"}
        await self._producer.send(replace(record, headers={**record.headers, **more}))
