"""Keeps account of how calls go: in memory at once, in the store and as events shortly after."""

import asyncio
import logging
from collections import OrderedDict
from datetime import timedelta

from tieline.clock import Clock
from tieline.contracts.integrations import Integration
from tieline.errors import TransientError

from tieline_sync.domain.providers.errors import CredentialsRefusedError, UpstreamError
from tieline_sync.domain.providers.health import Health
from tieline_sync.handlers.provider_ports import HealthEvents, HealthStore

MOST_KEPT = 10_000
SUCCESSES_EVERY = timedelta(seconds=30)  # a success after a success is stored no more often
PAUSE = timedelta(seconds=1)  # between two rounds of storing, and after one that failed

log = logging.getLogger(__name__)


class HealthLog:
    """How calls go, by integration. `run` must be running for the store and the events to hear of it."""

    def __init__(self, store: HealthStore, events: HealthEvents, clock: Clock) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._known: OrderedDict[str, Health] = OrderedDict()
        self._stored: dict[str, Health] = {}
        self._changed: dict[str, Integration] = {}
        self._news = asyncio.Event()

    def of(self, integration: Integration) -> Health:
        """Return what this replica knows of an integration."""
        return self._of(integration.workspace_id, integration.id, integration.revision)

    def admit(self, workspace_id: str, integration_id: str, revision: int) -> None:
        """Let one more call to an integration's provider pass; after a rest, one alone until it has been answered.

        Raises UpstreamError while the provider is left alone.
        """
        now, health = self._clock(), self._of(workspace_id, integration_id, revision)
        rest = health.rest(now)
        if rest is not None:
            words = f"The last calls all failed; the next is tried in {max(1, round(rest.total_seconds()))} s"
            raise UpstreamError(words, retry_after=rest)
        if integration_id in self._known:
            self._known[integration_id] = health.probed(now)

    def _of(self, workspace_id: str, integration_id: str, revision: int) -> Health:
        known = self._known.get(integration_id)
        if known is None:
            return Health(integration_id=integration_id, workspace_id=workspace_id, revision=revision)
        return known.at_revision(revision)

    def note_success(self, integration: Integration) -> None:
        """Take down that a call was answered."""
        self._put(integration, self.of(integration).succeeded(self._clock()))

    def note_failure(self, integration: Integration, error: UpstreamError) -> None:
        """Take down that a call failed."""
        refused = isinstance(error, CredentialsRefusedError)
        failed = self.of(integration).failed(self._clock(), error.details, is_outage=error.is_outage, refused=refused)
        self._put(integration, failed)

    def _put(self, integration: Integration, health: Health) -> None:
        self._known[integration.id] = health
        self._known.move_to_end(integration.id)
        if len(self._known) > MOST_KEPT:
            forgotten, _ = self._known.popitem(last=False)
            self._stored.pop(forgotten, None)
            self._changed.pop(forgotten, None)
        if _is_worth_storing(health, self._stored.get(integration.id)):
            self._changed[integration.id] = integration
            self._news.set()

    async def run(self) -> None:
        """Store and tell what changes, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.flush()
            except TransientError as error:
                log.warning("the health of integrations is not stored yet", extra={"reason": str(error)})
                self._news.set()
            await asyncio.sleep(PAUSE.total_seconds())

    async def flush(self) -> None:
        """Store and tell what has changed. Raises TransientError; the rest is then done the next time."""
        for integration_id, integration in list(self._changed.items()):
            health = self._known[integration_id]
            stored = self._stored.get(integration_id)
            if health.credentials_failed_at and not (stored and stored.credentials_failed_at):
                # The event before the note: a crash in between tells it again, under the same id.
                await self._events.credentials_failed(integration, health)
            await self._store.save(health)
            self._stored[integration_id] = health
            if self._known[integration_id] is health:
                self._changed.pop(integration_id, None)


def _is_worth_storing(health: Health, stored: Health | None) -> bool:
    if stored is None or stored.revision != health.revision or health.last_error_at != stored.last_error_at:
        return True
    before = stored.last_success_at
    if before is None or (stored.last_error_at is not None and before < stored.last_error_at):
        return True
    return health.last_success_at is not None and health.last_success_at - before >= SUCCESSES_EVERY
