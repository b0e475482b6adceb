"""A service of one's own as a channel: a POST to its address, signed as Standard Webhooks 1.0 has it.

The `webhook-id` is the delivery's, the same on every try, so a receiver can tell a repeated one.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from tieline.clock import Clock
from tieline.outgoing import HostClients, OutgoingError

from tieline_webhooks.adapters.channels.calling import of_error, of_status
from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import Blocked, Delivered, Failed, NotEditable, Outcome, Parked
from tieline_webhooks.ports import LookupImpossibleError

PREFIX = "whsec_"
GONE = 410


class WebhookChannel:
    """Posts to the address that the route names."""

    edits = False

    def __init__(self, caller: HostClients, clock: Clock) -> None:
        self._caller = caller
        self._clock = clock

    async def post(self, account: Account, channel_id: str, body: dict[str, Any], *, delivery_id: str) -> Outcome:
        """Send a message; any 2xx means it was taken."""
        content = msgspec.json.encode(body)
        sent_at = str(int(self._clock().timestamp()))
        signatures = [_signature(key, delivery_id, sent_at, content) for key in _keys(account.secret)]
        if not signatures:
            return Blocked(reason=Parked.NOT_CONFIGURED, detail="no signing secret is configured")
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery_id,
            "webhook-timestamp": sent_at,
            "webhook-signature": " ".join(signatures),
        }
        try:
            answer = await self._caller.call("POST", channel_id, headers=headers, content=content)
        except OutgoingError as error:
            return of_error(error)
        if 200 <= answer.status < 300:
            return Delivered()
        if answer.status == GONE:
            return Blocked(reason=Parked.CHANNEL_UNAVAILABLE, detail="the address answered 410 Gone")
        decided = None if answer.status == 401 else of_status(answer, f"answered {answer.status}")
        return decided or Failed(detail=f"answered {answer.status}")

    async def edit(
        self, account: Account, channel_id: str, message_id: str, body: dict[str, Any]
    ) -> Outcome | NotEditable:
        """Return that it can't be done: a receiver gets every event."""
        del account, channel_id, message_id, body
        return NotEditable()

    async def find(self, account: Account, channel_id: str, *, delivery_id: str, since: datetime) -> str | None:
        """Raise LookupImpossibleError; the receiver tells repeats by their `webhook-id`."""
        raise LookupImpossibleError("the receiver cannot be asked")


def _keys(secret: str) -> Iterator[bytes]:
    """Yield the signing keys: base64 behind `whsec_`, or the bytes of any other text; several while rotating."""
    secrets = [secret]
    if secret.startswith("["):
        with suppress(msgspec.DecodeError):  # a secret may begin like a list
            secrets = msgspec.json.decode(secret, type=list[str])
    for each in filter(None, secrets):
        try:
            yield b64decode(each.removeprefix(PREFIX), validate=True) if each.startswith(PREFIX) else each.encode()
        except NotBase64:
            continue


def _signature(key: bytes, delivery_id: str, sent_at: str, content: bytes) -> str:
    signed = b"%b.%b.%b" % (delivery_id.encode(), sent_at.encode(), content)
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
