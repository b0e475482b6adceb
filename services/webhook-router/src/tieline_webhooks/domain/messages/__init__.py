"""Events as messages for people, one module per channel. Pure: a body in, no credentials, no address.

A message that tells a change of state is rendered like any other; the caller decides whether it edits an earlier one.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tieline.contracts.routes import Channel

from tieline_webhooks.domain.events import NormalisedEvent, State
from tieline_webhooks.domain.messages import discord, slack, telegram, webhook, whatsapp
from tieline_webhooks.domain.messages.content import Content, content_of

__all__ = ["render", "with_destination"]

MAX_NONCE = 25  # characters of Discord's nonce

_CHATS: Mapping[Channel, Callable[[Content], dict[str, Any]]] = {
    "slack": slack.render,
    "discord": discord.render,
    "telegram": telegram.render,
    "whatsapp": whatsapp.render,
}
_is_phone_number = re.compile(r"\+?[0-9]{5,15}", re.ASCII).fullmatch


def render(
    channel: Channel,
    event: NormalisedEvent,
    *,
    event_id: str,
    received_at: datetime,
    resolved_from: State | None = None,
) -> dict[str, Any]:
    """Return the JSON body of a message, without its destination.

    `received_at` stands in where the sender did not say when it happened. `resolved_from` is the state told before.
    """
    if channel == "webhook":
        return webhook.render(event, event_id=event_id, received_at=received_at, resolved_from=resolved_from)
    return _CHATS[channel](content_of(event, received_at=received_at, resolved_from=resolved_from))


def with_destination(channel: Channel, body: dict[str, Any], channel_id: str, *, delivery_id: str) -> dict[str, Any]:
    """Return the body addressed to `channel_id`, and marked with `delivery_id` where the platform has a place for it.

    By the mark a delivery whose answer was lost is found again (Slack's metadata), or not posted twice within minutes
    (Discord's nonce). Discord's channel and a webhook's URL are part of the address, not of the body.
    """
    match channel:
        case "slack":
            mark = {"event_type": "tieline_delivery", "event_payload": {"delivery_id": delivery_id}}
            return {**body, "channel": channel_id, "metadata": mark}
        case "discord":
            return {**body, "nonce": delivery_id.replace("-", "")[:MAX_NONCE], "enforce_nonce": True}
        case "telegram":
            return {**body, "chat_id": channel_id}
        case "whatsapp":
            kind = "individual" if _is_phone_number(channel_id) else "group"
            return {**body, "to": channel_id, "recipient_type": kind}
        case "webhook":
            return body
