"""Integrations with their secrets, looked up once for all who ask at the same time.

Nothing is kept once the answer is there: a changed credential counts for the next call, and no secret stays in memory.
"""

import asyncio

from tieline_sync.domain.credentials import Facts
from tieline_sync.ports import Integrations


class SharedFacts:
    """Joins look-ups that are under way; each opening of credentials costs the registry an entry in its audit log."""

    def __init__(self, integrations: Integrations) -> None:
        self._integrations = integrations
        self._asking: dict[tuple[str, str], asyncio.Task[Facts | None]] = {}

    async def find(self, workspace_id: str, integration_id: str) -> Facts | None:
        """Return the integration's facts, or None. Raises RegistryUnavailableError, RegistryRefusedError."""
        key = (workspace_id, integration_id)
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._integrations.find(workspace_id, integration_id))
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(asking)

    def _answered(self, key: tuple[str, str], asking: "asyncio.Task[Facts | None]") -> None:
        self._asking.pop(key, None)
        if not asking.cancelled():
            asking.exception()  # whoever waited has it; nobody may be left who does
