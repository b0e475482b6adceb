"""WhatsApp's Cloud API: messages from a business phone number. Sent messages can be neither changed nor listed."""

from datetime import datetime
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

_RATE_LIMITS = frozenset({4, 80007, 130429, 131048, 131056})
_CREDENTIALS = frozenset({0, 3, 10, 190, 200})
_PASSING = frozenset({1, 2, 131000, 131016, 133004})


class WhatsAppChannel:
    """Sends from the configured `phone_number_id`."""

    edits = False

    def __init__(self, caller: HostClients) -> None:
        self._caller = caller

    async def post(self, account: Account, channel_id: str, body: dict[str, Any], *, delivery_id: str) -> Outcome:
        """Send a message."""
        phone_number_id = account.config.get("phone_number_id")
        if not phone_number_id:
            return Blocked(reason=Parked.NOT_CONFIGURED, detail="phoneNumberId is not configured")
        addressed = with_destination("whatsapp", body, channel_id, delivery_id=delivery_id)
        addressed["biz_opaque_callback_data"] = delivery_id
        try:
            answer = await self._caller.call(
                "POST",
                f"{account.base_url}/{phone_number_id}/messages",
                headers={"authorization": f"Bearer {account.secret}"},
                json=addressed,
            )
            decided = of_status(answer, f"messages answered {answer.status}")
            if decided is not None:
                return decided
            said = json_object(answer)
        except OutgoingError as error:
            return of_error(error)
        if answer.status < 300:
            messages = said.get("messages") or [{}]
            return Delivered(message_id=str(messages[0].get("id", "")) or None)
        return _of_error_object(said.get("error") or {}, answer.status)

    async def edit(
        self, account: Account, channel_id: str, message_id: str, body: dict[str, Any]
    ) -> Outcome | NotEditable:
        """Return that it can't be done."""
        del account, channel_id, message_id, body
        return NotEditable()

    async def find(self, account: Account, channel_id: str, *, delivery_id: str, since: datetime) -> str | None:
        """Raise LookupImpossibleError: the platform has no such call."""
        raise LookupImpossibleError("sent messages cannot be listed")


def _of_error_object(error: dict[str, Any], status: int) -> Outcome:
    code, detail = error.get("code"), f"messages: {error.get('message', status)}"[:300]
    if code in _RATE_LIMITS:
        return RateLimited(retry_after=DEFAULT_RETRY_AFTER, account=code != 131056)
    if code in _CREDENTIALS or status == 403:
        return Blocked(reason=Parked.CREDENTIALS_REFUSED, detail=detail)
    if code in _PASSING:
        return Failed(detail=detail)
    return refused(detail)
