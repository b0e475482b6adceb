"""What is known of how calls go, for whoever shows it."""

from tieline.clock import Clock

from tieline_sync.domain.providers.health import Health
from tieline_sync.handlers.provider_ports import HealthStore


class ReadHealth:
    """Reads the store, so that any replica answers for all."""

    def __init__(self, store: HealthStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, workspace_id: str) -> list[tuple[Health, bool]]:
        """Return the health of a workspace's integrations that were called with, and whether the breaker is open.

        Raises DatabaseUnavailableError.
        """
        now = self._clock()
        found = await self._store.of_workspace(workspace_id)
        return [(health, health.is_open(now)) for health in found.values()]
