"""When a channel's integration is put right, what waited for it goes out."""

import asyncio
import logging
from typing import Final

from tieline.contracts.integrations import Integration
from tieline.errors import TransientError

from tieline_webhooks.domain.channels import SECRET_PATHS
from tieline_webhooks.domain.deliveries import Parked
from tieline_webhooks.handlers.manage import ManageDeliveries

FIXABLE: Final = frozenset(
    {Parked.NOT_CONFIGURED, Parked.INTEGRATION_DISABLED, Parked.CREDENTIALS_REFUSED, Parked.CHANNEL_UNAVAILABLE}
)
RETRY_SECONDS = 5.0

log = logging.getLogger(__name__)


class FollowIntegrations:
    """Releases parked deliveries of a workspace's channel after its integration changed. `run` must be running."""

    def __init__(self, manage: ManageDeliveries) -> None:
        self._manage = manage
        self._changed: dict[tuple[str, str], None] = {}
        self._wake = asyncio.Event()

    def on_change(self, before: Integration | None, after: Integration | None) -> None:
        """Take note of a change; never waits."""
        if after is None or not after.enabled or after.provider not in SECRET_PATHS:
            return
        if before is not None and before.revision == after.revision:
            return
        self._changed[after.workspace_id, after.provider] = None
        self._wake.set()

    async def run(self) -> None:
        """Release what waits, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._changed:
                workspace_id, channel = next(iter(self._changed))
                try:
                    released = await self._manage.release_fixed(workspace_id, channel, FIXABLE)
                except TransientError as error:
                    log.warning("parked deliveries wait", extra={"reason": str(error)})
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                del self._changed[workspace_id, channel]
                if released:
                    facts = {"workspace": workspace_id, "channel": channel, "deliveries": len(released)}
                    log.info("released what waited for an integration", extra=facts)
