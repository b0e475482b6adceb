"""Calls with integrations' credentials that other services made: the webhook router writes to channels itself."""

from tieline.provider_client import CallNotes, Noted

from tieline_sync.domain.providers.errors import CredentialsRefusedError, UpstreamError
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.provider_ports import Directory


class NoteCalls:
    """Takes down how such calls went. The breaker stays as it is: those services leave a channel alone themselves."""

    def __init__(self, directory: Directory, health: HealthLog) -> None:
        self._directory = directory
        self._health = health

    async def __call__(self, notes: CallNotes) -> Noted:
        """Take notes down; one of an integration that is gone or was changed since says nothing any more.

        Safe to repeat. Raises RegistryUnavailableError, RegistryRefusedError.
        """
        for note in notes.items:
            integration = await self._directory.describe(note.workspace_id, note.integration_id)
            if integration is None or integration.revision != note.revision:
                continue
            if note.error is None:
                self._health.note_success(integration)
            elif note.refused:
                self._health.note_failure(integration, CredentialsRefusedError(note.error))
            else:
                self._health.note_failure(integration, UpstreamError(note.error, is_outage=False))
        return Noted()
