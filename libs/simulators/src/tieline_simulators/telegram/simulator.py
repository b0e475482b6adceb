"""Telegram's Bot API methods, with its own errors."""

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, NoReturn

import orjson
from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.stand_in import StandIn, strings_or_any
from tieline_simulators.telegram.formatting import EntityError, read_html, read_markdown_v2, units

MAX_MESSAGES = 10_000
MAX_TEXT = 4_096  # UTF-16 units, after parsing entities
CHAT = re.compile(r"-?\d{1,16}|@[A-Za-z]\w{3,31}")
BOT = {"id": 7_000_000_001, "is_bot": True, "first_name": "Tieline", "username": "tieline_bot"}
DESCRIPTIONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
}


class TelegramSimulator(StandIn):
    """One bot. Any well-formed chat exists unless `channels` names those that do; `forbidden` ones have blocked it."""

    name = "telegram"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "channels", "forbidden"})
    channels: frozenset[str] | None = None
    forbidden: frozenset[str] = frozenset()

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock=clock)
        self.messages: OrderedDict[tuple[str, int], dict[str, object]] = OrderedDict()
        """By (chat, message_id), oldest first."""
        self._last_id = 0

    def routes(self) -> Sequence[Route]:
        """Return the methods under `/bot<token>/`; Telegram takes GET and POST, and ignores case."""
        methods = {
            "getMe": self.get_me,
            "getChat": self.get_chat,
            "sendMessage": self.send_message,
            "editMessageText": self.edit_message_text,
        }
        return [self.endpoint(f"/bot{{token}}/{name}", handler, "GET", "POST") for name, handler in methods.items()]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `channels` and `forbidden`, chat ids as strings."""
        super().apply(settings)
        if "channels" in settings:
            self.channels = strings_or_any(settings["channels"], "channels")
        if "forbidden" in settings:
            self.forbidden = strings_or_any(settings["forbidden"], "forbidden") or frozenset()

    def shown(self) -> Iterable[object]:
        """Return the messages of all chats."""
        return self.messages.values()

    def failure(self, status: int) -> Response:
        """Return Telegram's error object."""
        description = DESCRIPTIONS.get(status, "Internal Server Error" if status >= 500 else "Bad Request")
        return _error(status, description)

    def unknown_path(self, status: int) -> Response:
        """Return the answer to a method that does not exist."""
        del status
        return self.failure(404)

    def rate_limited(self, retry_after: float) -> Response:
        """Return Telegram's 429, the seconds in the body, and in a header as the server itself adds it."""
        seconds = max(1, math.ceil(retry_after))
        answer = _error(429, f"Too Many Requests: retry after {seconds}", parameters={"retry_after": seconds})
        answer.headers["Retry-After"] = str(seconds)
        return answer

    def channel_of(self, call: Call) -> str | None:
        """Return the chat."""
        chat = call.fields.get("chat_id", call.query.get("chat_id"))
        return None if chat is None else str(chat)

    def get_me(self, call: Call) -> Response:
        """Say who the bot is."""
        self._arguments(call)
        abilities = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return _ok({**BOT, **abilities})

    def get_chat(self, call: Call) -> Response:
        """Describe a chat."""
        chat = self._chat(self._arguments(call))
        gifts = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
        )
        extra = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}
        return _ok({**_chat_object(chat), **extra})

    def send_message(self, call: Call) -> Response:
        """Send a text message."""
        arguments = self._arguments(call)
        chat = self._chat(arguments)
        self._last_id += 1
        message: dict[str, object] = {
            "message_id": self._last_id,
            "from": BOT,
            "chat": _chat_object(chat),
            "date": int(self.clock()),
            **_content(arguments),
        }
        self.messages[chat, self._last_id] = message
        if len(self.messages) > MAX_MESSAGES:
            self.messages.popitem(last=False)
        return _ok(message)

    def edit_message_text(self, call: Call) -> Response:
        """Replace a message's text; the same text again is an error, as it is there."""
        arguments = self._arguments(call)
        chat = self._chat(arguments)
        number = str(arguments.get("message_id", ""))
        message = self.messages.get((chat, int(number))) if number.isdecimal() else None
        if message is None:
            _bad_request("message to edit not found")
        content = _content(arguments)
        if all(message.get(name) == content.get(name) for name in ("text", "entities", "reply_markup")):
            _bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        for name in ("entities", "reply_markup"):
            message.pop(name, None)
        message.update(content, edit_date=int(self.clock()))
        return _ok(message)

    def _arguments(self, call: Call) -> Mapping[str, object]:
        if not self.knows(call.params["token"]):
            raise Refused(self.failure(401))
        if isinstance(call.body, str):
            _bad_request("can't parse JSON object" if call.raw[:1] == b"{" else "message text is empty")
        return {**call.query, **call.fields}

    def _chat(self, arguments: Mapping[str, object]) -> str:
        chat = str(arguments.get("chat_id", ""))
        if not chat:
            _bad_request("chat_id is empty")
        if not CHAT.fullmatch(chat) or (self.channels is not None and chat not in self.channels):
            _bad_request("chat not found")
        if chat in self.forbidden:
            reason = "was kicked from the group chat" if chat.startswith("-") else "was blocked by the user"
            raise Refused(_error(403, f"Forbidden: bot {reason}"))
        return chat


def _content(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return text, entities and keyboard as they are kept."""
    given = arguments.get("text", "")
    if not isinstance(given, str):
        _bad_request("text must be a string")
    mode = str(arguments.get("parse_mode", "")).lower()
    entities: list[dict[str, object]] = []
    text = given
    try:
        if mode == "html":
            text, entities = read_html(given)
        elif mode == "markdownv2":
            text = read_markdown_v2(given)
        elif mode not in ("", "markdown"):
            _bad_request("unsupported parse_mode")
    except EntityError as error:
        _bad_request(f"can't parse entities: {error}")
    if not text.strip():
        _bad_request("message text is empty")
    if units(text) > MAX_TEXT:
        _bad_request("message is too long")
    content: dict[str, object] = {"text": text}
    if entities:
        content["entities"] = entities
    if markup := _decoded(arguments.get("reply_markup")):
        content["reply_markup"] = markup
    return content


def _decoded(value: object) -> object:
    """Return a nested argument, which forms carry as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        _bad_request("can't parse reply keyboard markup JSON object")


def _chat_object(chat: str) -> dict[str, object]:
    if chat.startswith("@"):
        identifier = -1_000_000_000_000 - sum(chat.encode()) * 7_919
        return {"id": identifier, "type": "channel", "title": chat[1:], "username": chat[1:]}
    if chat.startswith("-"):
        return {"id": int(chat), "type": "supergroup" if chat.startswith("-100") else "group", "title": "Alerts"}
    return {"id": int(chat), "type": "private", "first_name": "Mira"}


def _ok(result: object) -> Response:
    return json_answer({"ok": True, "result": result})


def _error(status: int, description: str, **more: object) -> Response:
    return json_answer({"ok": False, "error_code": status, "description": description, **more}, status)


def _bad_request(reason: str) -> NoReturn:
    raise Refused(_error(400, f"Bad Request: {reason}"))
