"""What an operator does with refused webhooks: look, verify again, take in after all."""

from datetime import datetime
from typing import Protocol

from tieline_webhooks.domain.quarantine import QuarantineEntry, Webhook
from tieline_webhooks.domain.senders.errors import SignatureError
from tieline_webhooks.handlers.receive import Receipt, ReceiveWebhook, RefusedWebhookError


class Entries(Protocol):
    """Where refused webhooks are kept."""

    async def get(self, workspace_id: str, entry_id: str) -> tuple[QuarantineEntry, Webhook]:
        """Return an entry, opened. Raises QuarantineEntryNotFoundError."""
        ...

    async def remove(self, workspace_id: str, entry_id: str) -> bool:
        """Forget an entry; False if there is none."""
        ...


class Quarantine:
    """Judges refused webhooks by the secrets of today, as of the moment they came."""

    def __init__(self, entries: Entries, receive: ReceiveWebhook) -> None:
        self._entries = entries
        self._receive = receive

    async def reverify(self, workspace_id: str, entry_id: str) -> SignatureError | None:
        """Return None if the webhook is genuine by now, else why not; the entry stays.

        Raises QuarantineEntryNotFoundError, SealLostError, NotReadyError.
        """
        entry, webhook = await self._entries.get(workspace_id, entry_id)
        return self._judged(workspace_id, webhook, entry.received_at)

    async def replay(self, workspace_id: str, entry_id: str) -> Receipt | SignatureError:
        """Take the webhook in if it is genuine by now and forget the entry, else return why not.

        It has the id that it would have had, so a sender's own repetition and this lead to one delivery.
        Raises as `reverify` does, and UnusableBodyError, OverloadedError, SpoolFullError.
        """
        entry, webhook = await self._entries.get(workspace_id, entry_id)
        refusal = self._judged(workspace_id, webhook, entry.received_at)
        if refusal is not None:
            return refusal
        receipt = await self._receive(webhook, at=entry.received_at)
        await self._entries.remove(workspace_id, entry_id)
        return receipt

    def _judged(self, workspace_id: str, webhook: Webhook, at: datetime) -> SignatureError | None:
        try:
            _, integration = self._receive.verified(webhook, at)
        except RefusedWebhookError as error:
            return error.reason
        if integration.workspace_id != workspace_id:  # it named no workspace, and is another's
            return SignatureError("the signature belongs to another workspace")
        return None
