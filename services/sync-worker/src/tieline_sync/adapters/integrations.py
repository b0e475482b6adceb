"""Integrations, and those with their secrets, opened by the registry for one attempt at a run."""

from tieline.contracts.integrations import Integration
from tieline.registry_client import RegistryClient

from tieline_sync.domain.credentials import Facts


class RegistryIntegrations:
    """Asks the registry every time, so that a changed password counts at once and nothing stays in memory."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry

    async def find(self, workspace_id: str, integration_id: str) -> Facts | None:
        """Return the integration's facts, or None. Raises RegistryUnavailableError, RegistryRefusedError."""
        found = await self._registry.open_credentials(workspace_id, integration_id)
        return None if found is None else Facts(integration=found.integration, secrets=found.secrets)

    async def describe(self, workspace_id: str, integration_id: str) -> Integration | None:
        """Return an integration without its secrets, or None. Raises RegistryUnavailableError, RegistryRefusedError."""
        return await self._registry.find_integration(workspace_id, integration_id)
