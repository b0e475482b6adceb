"""Discord's API v10: channel messages, with a nonce that keeps a repeated post from showing twice."""

from datetime import datetime, timedelta
from typing import Any

from tieline.outgoing import Answer, HostClients, OutgoingError, ResponseUnreadableError

from tieline_webhooks.adapters.channels.calling import (
    DEFAULT_RETRY_AFTER,
    json_object,
    of_error,
    of_status,
    refused,
)
from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import Blocked, Delivered, NotEditable, Outcome, Parked, RateLimited
from tieline_webhooks.domain.messages import with_destination
from tieline_webhooks.ports import LookupImpossibleError

MOST_LOOKED_AT = "100"
LONGEST_PAUSE = timedelta(minutes=5)

_UNKNOWN_MESSAGE = 10008
_UNKNOWN_CHANNEL = 10003
_MISSING_ACCESS = 50001
_MISSING_PERMISSIONS = 50013
_NOT_THE_AUTHOR = 50005


class DiscordChannel:
    """Posts as the workspace's bot."""

    edits = True

    def __init__(self, caller: HostClients) -> None:
        self._caller = caller

    async def post(self, account: Account, channel_id: str, body: dict[str, Any], *, delivery_id: str) -> Outcome:
        """Send a new message."""
        addressed = with_destination("discord", body, channel_id, delivery_id=delivery_id)
        outcome = await self._call(account, "POST", _messages(channel_id), addressed)
        return refused("unknown message") if isinstance(outcome, NotEditable) else outcome

    async def edit(
        self, account: Account, channel_id: str, message_id: str, body: dict[str, Any]
    ) -> Outcome | NotEditable:
        """Change a message in place."""
        return await self._call(account, "PATCH", f"{_messages(channel_id)}/{message_id}", body)

    async def find(self, account: Account, channel_id: str, *, delivery_id: str, since: datetime) -> str | None:
        """Return the id of a recent message with this delivery's nonce."""
        del since
        nonce = with_destination("discord", {}, channel_id, delivery_id=delivery_id)["nonce"]
        try:
            answer = await self._caller.call(
                "GET",
                account.base_url + _messages(channel_id),
                headers=_headers(account),
                params={"limit": MOST_LOOKED_AT},
            )
            found = answer.json()
        except OutgoingError as error:
            raise LookupImpossibleError(str(error)) from error
        if answer.status != 200 or not isinstance(found, list):
            raise LookupImpossibleError(f"listing messages answered {answer.status}")
        return next((str(each["id"]) for each in found if each.get("nonce") == nonce), None)

    async def _call(self, account: Account, method: str, path: str, body: dict[str, Any]) -> Outcome | NotEditable:
        try:
            answer = await self._caller.call(method, account.base_url + path, headers=_headers(account), json=body)
            if answer.status == 429:
                return _rate_limited(answer)
            decided = of_status(answer, f"{method} answered {answer.status}")
            if decided is not None:
                return decided
            said = json_object(answer)
        except OutgoingError as error:
            return of_error(error)
        if answer.status < 300:
            return Delivered(message_id=str(said.get("id", "")) or None, edited=method == "PATCH", pause=_pause(answer))
        code, detail = said.get("code"), f"{method}: {said.get('message', answer.status)}"
        if code in {_UNKNOWN_MESSAGE, _NOT_THE_AUTHOR}:
            return NotEditable()
        if code in {_UNKNOWN_CHANNEL, _MISSING_ACCESS, _MISSING_PERMISSIONS} or answer.status in {403, 404}:
            return Blocked(reason=Parked.CHANNEL_UNAVAILABLE, detail=detail[:300])
        return refused(detail)


def _rate_limited(answer: Answer) -> RateLimited:
    """Return how long to wait: the body has it to the millisecond, the header in whole seconds."""
    try:
        said = json_object(answer)
    except ResponseUnreadableError:
        said = {}
    exact = said.get("retry_after")
    wait = timedelta(seconds=exact) if isinstance(exact, int | float) else answer.retry_after
    everywhere = bool(said.get("global")) or answer.headers.get("x-ratelimit-scope") == "global"
    return RateLimited(retry_after=wait or DEFAULT_RETRY_AFTER, account=everywhere)


def _pause(answer: Answer) -> timedelta | None:
    """Return how long the channel's bucket stays empty, when this message took the last of it."""
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return None
    try:
        return min(timedelta(seconds=float(answer.headers.get("x-ratelimit-reset-after", "0"))), LONGEST_PAUSE)
    except (ValueError, OverflowError):
        return None


def _messages(channel_id: str) -> str:
    return f"/channels/{channel_id}/messages"


def _headers(account: Account) -> dict[str, str]:
    return {"authorization": f"Bot {account.secret}"}
