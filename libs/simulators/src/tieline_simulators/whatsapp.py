"""WhatsApp's Cloud API: sending messages from a business phone number."""

import base64
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, NoReturn

from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.stand_in import StandIn, strings_or_any

MAX_MESSAGES = 10_000
MAX_TEXT = 4_096
MAX_TEMPLATE_NAME = 512
PHONE = re.compile(r"\+?[\d\s()-]{5,25}")
TYPES = frozenset(
    {
        "audio",
        "contacts",
        "document",
        "image",
        "interactive",
        "location",
        "reaction",
        "sticker",
        "template",
        "text",
        "video",
    }
)
TRACE_ID = "AtIeLiNeStAnDiN"


class WhatsAppSimulator(StandIn):
    """Any business phone number id exists unless `phone_numbers` names those that do.

    `channels` is the list of allowed recipients of a test number: others are refused with code 131030. Delivery status,
    and with it the 24-hour window for free text, is told by webhooks, which this stand-in does not send.
    """

    name = "whatsapp"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "channels", "phone_numbers"})
    channels: frozenset[str] | None = None
    phone_numbers: frozenset[str] | None = None

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock=clock)
        self.messages: OrderedDict[str, dict[str, object]] = OrderedDict()
        """By message id, oldest first."""
        self._sent = 0

    def routes(self) -> Sequence[Route]:
        """Return the paths, for any version of the Graph API."""
        return [
            self.endpoint("/{version}/{phone_number_id}/messages", self.send, "POST"),
            self.endpoint("/{version}/{phone_number_id}", self.phone_number),
        ]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `channels` and `phone_numbers`."""
        super().apply(settings)
        if "channels" in settings:
            self.channels = strings_or_any(settings["channels"], "channels")
        if "phone_numbers" in settings:
            self.phone_numbers = strings_or_any(settings["phone_numbers"], "phone_numbers")

    def shown(self) -> Iterable[object]:
        """Return the messages of all recipients."""
        return self.messages.values()

    def failure(self, status: int) -> Response:
        """Return the Graph API's error object."""
        message, kind, code = {
            401: ("Invalid OAuth access token - Cannot parse access token", "OAuthException", 190),
            403: ("(#10) Application does not have permission for this action", "OAuthException", 10),
            404: ("Unknown path components", "OAuthException", 2500),
            405: ("Unsupported request method", "GraphMethodException", 100),
        }.get(status, ("An unexpected error has occurred. Please retry your request later.", "OAuthException", 2))
        return _error(status, message, kind, code, is_transient=status >= 500)

    def rate_limited(self, retry_after: float) -> Response:
        """Return the 429 of a number's throughput limit; the Cloud API tells no time to wait."""
        del retry_after
        details = "Too many messages were sent from this phone number in a short time"
        return _error(
            429,
            "(#130429) Rate limit hit",
            "OAuthException",
            130_429,
            error_data={"messaging_product": "whatsapp", "details": details},
        )

    def channel_of(self, call: Call) -> str | None:
        """Return the recipient as written."""
        recipient = call.fields.get("to")
        return recipient if isinstance(recipient, str) else None

    def phone_number(self, call: Call) -> Response:
        """Describe a business phone number."""
        number = self._number(call)
        about = {"verified_name": "Tieline Demo", "display_phone_number": "+1 555-0100", "quality_rating": "GREEN"}
        return json_answer({**about, "id": number})

    def send(self, call: Call) -> Response:
        """Take a message for sending."""
        self._number(call)
        message = call.fields
        if message.get("messaging_product") != "whatsapp":
            _invalid("The parameter messaging_product is required.")
        recipient = message.get("to")
        if not isinstance(recipient, str) or not recipient:
            _invalid("The parameter to is required.")
        if not PHONE.fullmatch(recipient):
            _invalid("to must be a phone number.")
        if self.channels is not None and recipient not in self.channels:
            raise Refused(_recipient_not_allowed())
        _check_content(message)
        self._sent += 1
        identifier = "wamid." + base64.b64encode(f"tieline-{self._sent:020d}".encode()).decode()
        self.messages[identifier] = {"id": identifier, **message}
        if len(self.messages) > MAX_MESSAGES:
            self.messages.popitem(last=False)
        digits = re.sub(r"\D", "", recipient)
        return json_answer(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": recipient, "wa_id": digits}],
                "messages": [{"id": identifier}],
            }
        )

    def _number(self, call: Call) -> str:
        if not self.knows(call.bearer() or call.query.get("access_token", "")):
            raise Refused(self.failure(401))
        number = call.params["phone_number_id"]
        if not number.isdecimal() or (self.phone_numbers is not None and number not in self.phone_numbers):
            reason = f"Object with ID '{number}' does not exist or cannot be loaded due to missing permissions"
            raise Refused(_error(400, f"Unsupported request. {reason}", "GraphMethodException", 100, error_subcode=33))
        return number


def _check_content(message: Mapping[str, object]) -> None:
    kind = message.get("type", "text")
    if kind not in TYPES:
        _invalid(f"type must be one of {', '.join(sorted(TYPES))}.")
    content = message.get(str(kind))
    if not isinstance(content, list if kind == "contacts" else dict) or not content:
        _invalid(f"The parameter {kind} is required.")
    if not isinstance(content, dict):
        return
    if kind == "text":
        body = content.get("body")
        if not isinstance(body, str) or not body:
            _invalid("The parameter text['body'] is required.")
        if len(body) > MAX_TEXT:
            _invalid(f"Param text['body'] must be at most {MAX_TEXT} characters long.")
    elif kind == "template":
        name, language = content.get("name"), content.get("language")
        if not isinstance(name, str) or not 1 <= len(name) <= MAX_TEMPLATE_NAME:
            _invalid("The parameter template['name'] is required.")
        if not isinstance(language, dict) or not language.get("code"):
            _invalid("The parameter template['language']['code'] is required.")


def _recipient_not_allowed() -> Response:
    details = "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again."
    data = {"messaging_product": "whatsapp", "details": details}
    message = "(#131030) Recipient phone number not in allowed list"
    return _error(400, message, "OAuthException", 131_030, error_data=data)


def _invalid(details: str) -> NoReturn:
    data = {"messaging_product": "whatsapp", "details": details}
    raise Refused(_error(400, "(#100) Invalid parameter", "OAuthException", 100, error_data=data))


def _error(status: int, message: str, kind: str, code: int, **more: object) -> Response:
    error = {"message": message, "type": kind, "code": code, **more, "fbtrace_id": TRACE_ID}
    return json_answer({"error": error}, status)
