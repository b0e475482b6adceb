"""`python -m tests.support.crashing_registry`: a registry that kills itself in the middle of what it does.

The environment variable `TIELINE_TEST_CRASH_POINT` says when: `amid-transaction` (the first integrations are written,
and nothing else of their transaction), `before-publish` (the database has everything, Kafka nothing), `after-publish`
(Kafka has everything, the offset is not committed), or `amid-rotation` (some data keys are re-wrapped, not all). Only
this module knows the variable: it runs the registry's own bootstrap with a producer that is told to die, and listens to
what the database's driver does.
"""

import os
import signal
from collections.abc import Sequence

from pymongo import monitoring
from starlette.types import ASGIApp
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord
from tieline.service.health import Health
from tieline.service.run import main
from tieline.topics import INTEGRATION_EVENTS
from tieline_registry.adapters.collections import INTEGRATIONS, WORKSPACES
from tieline_registry.bootstrap import Parts, create_app, stored_clock
from tieline_registry.settings import RegistrySettings

CRASHING = "tests.support.crashing_registry"
CRASH_POINT = "TIELINE_TEST_CRASH_POINT"
WRITES = {"amid-transaction": ("insert", INTEGRATIONS), "amid-rotation": ("update", WORKSPACES)}
"""The driver's command and collection after which the process dies."""


class DiesAfter(monitoring.CommandListener):
    """Kills the process when the driver has written to a collection, before it writes anything else."""

    def __init__(self, command: str, collection: str) -> None:
        self._command, self._collection = command, collection
        self._written: dict[int, str] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Note what is being written."""
        if event.command_name == self._command:
            self._written[event.request_id] = event.command[self._command]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Die if this was it."""
        if self._written.pop(event.request_id, "") == self._collection:
            os.kill(os.getpid(), signal.SIGKILL)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Do nothing."""


class CrashingProducer(RecordProducer):
    """A producer in whose hands the process dies."""

    async def send_all(self, records: Sequence[OutgoingRecord]) -> list[tuple[int, int]]:
        """Send the records, and die before or after, if there is an event of an integration among them."""
        dies = any(record.topic == INTEGRATION_EVENTS for record in records)
        if dies and os.environ[CRASH_POINT] == "before-publish":
            os.kill(os.getpid(), signal.SIGKILL)
        sent = await super().send_all(records)
        if dies and os.environ[CRASH_POINT] == "after-publish":
            os.kill(os.getpid(), signal.SIGKILL)
        return sent


def create(settings: RegistrySettings) -> tuple[ASGIApp, Health]:
    """Return the registry's app, with the crashing producer."""
    producer = CrashingProducer(settings.kafka, client_id="crashing-registry")
    return create_app(settings, Parts(producer=producer, clock=stored_clock))


if __name__ == "__main__":
    if os.environ[CRASH_POINT] in WRITES:
        monitoring.register(DiesAfter(*WRITES[os.environ[CRASH_POINT]]))
    main(service="registry", settings_type=RegistrySettings, create_app=create)
