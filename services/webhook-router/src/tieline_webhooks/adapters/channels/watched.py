"""Channels whose outcomes are taken down in the health of the account that was called with."""

from datetime import datetime
from typing import Any

from tieline_webhooks.adapters.channel_health import ChannelHealth
from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import NotEditable, Outcome
from tieline_webhooks.ports import ChannelClient


class WatchedChannel:
    """Does what its channel does."""

    def __init__(self, channel: ChannelClient, health: ChannelHealth) -> None:
        self._channel = channel
        self._health = health
        self.edits = channel.edits

    async def post(self, account: Account, channel_id: str, body: dict[str, Any], *, delivery_id: str) -> Outcome:
        """Send a new message."""
        outcome = await self._channel.post(account, channel_id, body, delivery_id=delivery_id)
        self._health.note(account, outcome)
        return outcome

    async def edit(
        self, account: Account, channel_id: str, message_id: str, body: dict[str, Any]
    ) -> Outcome | NotEditable:
        """Change a message in place."""
        outcome = await self._channel.edit(account, channel_id, message_id, body)
        self._health.note(account, outcome)
        return outcome

    async def find(self, account: Account, channel_id: str, *, delivery_id: str, since: datetime) -> str | None:
        """Return the id of the message that an earlier try of this delivery left. Raises LookupImpossibleError."""
        return await self._channel.find(account, channel_id, delivery_id=delivery_id, since=since)
