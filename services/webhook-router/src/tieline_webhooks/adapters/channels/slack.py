"""Slack's Web API: `chat.postMessage`, `chat.update`, and `conversations.history` to find a message again."""

from datetime import datetime, timedelta
from typing import Any

from tieline.outgoing import HostClients, OutgoingError

from tieline_webhooks.adapters.channels.calling import (
    DEFAULT_RETRY_AFTER,
    json_object,
    of_error,
    of_status,
    refused,
)
from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import Blocked, Delivered, Failed, NotEditable, Outcome, Parked, RateLimited
from tieline_webhooks.domain.messages import with_destination
from tieline_webhooks.ports import LookupImpossibleError

LOOK_BACK = timedelta(minutes=1)  # our clock and Slack's may differ
MOST_LOOKED_AT = "200"

_ONLY_NEW = frozenset({"unfurl_links", "unfurl_media"})  # arguments that chat.update does not have
_CREDENTIALS = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
        "access_denied",
        "ekm_access_denied",
        "org_login_required",
        "not_allowed_token_type",
    }
)
_CHANNEL = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "user_not_found",
        "messages_tab_disabled",
    }
)
_PASSING = frozenset(
    {"fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org", "unknown_method"}
)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "update_failed"})


class SlackChannel:
    """Posts as the workspace's bot."""

    edits = True

    def __init__(self, caller: HostClients) -> None:
        self._caller = caller

    async def post(self, account: Account, channel_id: str, body: dict[str, Any], *, delivery_id: str) -> Outcome:
        """Send a new message; its `ts` is the message's id."""
        addressed = with_destination("slack", body, channel_id, delivery_id=delivery_id)
        outcome = await self._call(account, "chat.postMessage", addressed)
        return _passing("the message to edit is gone") if isinstance(outcome, NotEditable) else outcome

    async def edit(
        self, account: Account, channel_id: str, message_id: str, body: dict[str, Any]
    ) -> Outcome | NotEditable:
        """Change a message in place."""
        changed = {name: value for name, value in body.items() if name not in _ONLY_NEW}
        changed |= {"channel": channel_id, "ts": message_id}
        return await self._call(account, "chat.update", changed, edited=True)

    async def find(self, account: Account, channel_id: str, *, delivery_id: str, since: datetime) -> str | None:
        """Return the `ts` of the message that carries this delivery's metadata."""
        params = {
            "channel": channel_id,
            "oldest": f"{(since - LOOK_BACK).timestamp():.6f}",
            "limit": MOST_LOOKED_AT,
            "include_all_metadata": "true",
        }
        try:
            answer = await self._caller.call(
                "GET", f"{account.base_url}/conversations.history", headers=_headers(account), params=params
            )
            found = json_object(answer)
        except OutgoingError as error:
            raise LookupImpossibleError(str(error)) from error
        if not found.get("ok"):
            raise LookupImpossibleError(str(found.get("error", answer.status)))
        for message in found.get("messages", ()):
            mark = (message.get("metadata") or {}).get("event_payload") or {}
            if mark.get("delivery_id") == delivery_id:
                return str(message["ts"])
        return None

    async def _call(
        self, account: Account, method: str, body: dict[str, Any], *, edited: bool = False
    ) -> Outcome | NotEditable:
        try:
            answer = await self._caller.call(
                "POST", f"{account.base_url}/{method}", headers=_headers(account), json=body
            )
            decided = of_status(answer, f"{method} answered {answer.status}")
            if decided is not None:
                return decided
            said = json_object(answer)
        except OutgoingError as error:
            return of_error(error)
        if said.get("ok"):
            return Delivered(message_id=str(said.get("ts", "")) or None, edited=edited)
        code = str(said.get("error", f"status {answer.status}"))
        if code == "ratelimited":
            return RateLimited(retry_after=answer.retry_after or DEFAULT_RETRY_AFTER)
        return _of_code(code, f"{method}: {code}")


def _of_code(code: str, detail: str) -> Outcome | NotEditable:
    if code in _GONE:
        return NotEditable()
    if code in _CREDENTIALS:
        return Blocked(reason=Parked.CREDENTIALS_REFUSED, detail=detail)
    if code in _CHANNEL:
        return Blocked(reason=Parked.CHANNEL_UNAVAILABLE, detail=detail)
    if code in _PASSING:
        return _passing(detail)
    return refused(detail)


def _passing(detail: str) -> Failed:
    return Failed(detail=detail)


def _headers(account: Account) -> dict[str, str]:
    return {"authorization": f"Bearer {account.secret}"}
