"""Telegram's Bot API: `sendMessage` and `editMessageText`. A bot can't read back what it sent."""

from datetime import datetime, timedelta
from typing import Any

from tieline.outgoing import HostClients, OutgoingError

from tieline_webhooks.adapters.channels.calling import (
    DEFAULT_RETRY_AFTER,
    json_object,
    of_error,
    refused,
)
from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import (
    Blocked,
    Delivered,
    Failed,
    NotEditable,
    Outcome,
    Parked,
    RateLimited,
)
from tieline_webhooks.domain.messages import with_destination
from tieline_webhooks.ports import LookupImpossibleError


class TelegramChannel:
    """Sends as the workspace's bot. The token is part of the address, which therefore is never logged."""

    edits = True

    def __init__(self, caller: HostClients) -> None:
        self._caller = caller

    async def post(self, account: Account, channel_id: str, body: dict[str, Any], *, delivery_id: str) -> Outcome:
        """Send a new message."""
        addressed = with_destination("telegram", body, channel_id, delivery_id=delivery_id)
        outcome = await self._call(account, "sendMessage", addressed, edited=False)
        return refused("sendMessage: message not found") if isinstance(outcome, NotEditable) else outcome

    async def edit(
        self, account: Account, channel_id: str, message_id: str, body: dict[str, Any]
    ) -> Outcome | NotEditable:
        """Change a message in place."""
        edited = {**body, "chat_id": channel_id, "message_id": int(message_id)}
        return await self._call(account, "editMessageText", edited, edited=True)

    async def find(self, account: Account, channel_id: str, *, delivery_id: str, since: datetime) -> str | None:
        """Raise LookupImpossibleError: the platform has no such call."""
        raise LookupImpossibleError("a bot cannot list the messages of a chat")

    async def _call(
        self, account: Account, method: str, body: dict[str, Any], *, edited: bool
    ) -> Outcome | NotEditable:
        try:
            answer = await self._caller.call("POST", f"{account.base_url}/bot{account.secret}/{method}", json=body)
            if answer.status >= 500:
                return Failed(detail=f"{method} answered {answer.status}", answer_lost=answer.status in {502, 504})
            said = json_object(answer)
        except OutgoingError as error:
            return of_error(error)
        if said.get("ok"):
            result = said.get("result") or {}
            message_id = result.get("message_id") if isinstance(result, dict) else None
            return Delivered(message_id=None if message_id is None else str(message_id), edited=edited)
        return _of_refusal(answer.status, said, method, answer.retry_after)


def _of_refusal(status: int, said: dict[str, Any], method: str, retry_after: timedelta | None) -> Outcome | NotEditable:
    description = str(said.get("description", f"status {status}"))
    parameters = said.get("parameters") or {}
    said_so, lower = f"{method}: {description}"[:300], description.lower()
    if status == 429:
        seconds = parameters.get("retry_after")
        wait = timedelta(seconds=seconds) if isinstance(seconds, int | float) else retry_after
        return RateLimited(retry_after=wait or DEFAULT_RETRY_AFTER)
    if "message is not modified" in lower:
        return Delivered(edited=True)
    if "message to edit not found" in lower or "message can't be edited" in lower:
        return NotEditable()
    if status in {401, 404}:
        return Blocked(reason=Parked.CREDENTIALS_REFUSED, detail=said_so)
    if status == 403 or "chat not found" in lower or "migrate_to_chat_id" in parameters:
        return Blocked(reason=Parked.CHANNEL_UNAVAILABLE, detail=said_so)
    return refused(said_so)
