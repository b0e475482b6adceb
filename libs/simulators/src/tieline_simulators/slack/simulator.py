"""Slack's Web API methods, as they answer: 200 with `ok`, save for rate limits and trouble."""

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import ClassVar

from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import FORM_TYPE, JSON_TYPE, json_answer, media_type
from tieline_simulators.calls import Call
from tieline_simulators.slack.arguments import (
    TIMESTAMP,
    read_content,
    read_cursor,
    read_form,
    read_limit,
    read_metadata,
    read_moment,
    refuse,
)
from tieline_simulators.stand_in import StandIn, strings_or_any

MAX_MESSAGES = 10_000
MAX_UPDATED_TEXT = 4_000  # chat.update refuses more
CHANNEL_ID = re.compile(r"[CDGUW][A-Z0-9]{2,}")
CHANNEL_NAME = re.compile(r"#?[\w.-]{1,80}")
BOT_ID = "B0TIELINE1"
BOT_USER = "U0TIELINE1"
TEAM_ID = "T0TIELINE1"
CREATED = 1_700_000_000


class SlackSimulator(StandIn):
    """One workspace with one bot. Any well-formed channel exists unless `channels` names those that do."""

    name = "slack"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "channels", "forbidden"})
    channels: frozenset[str] | None = None
    forbidden: frozenset[str] = frozenset()

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock=clock)
        self.messages: OrderedDict[tuple[str, str], dict[str, object]] = OrderedDict()
        """By (channel, ts), oldest first; what people in the channels see."""
        self._last_ts = 0

    def routes(self) -> Sequence[Route]:
        """Return the methods, each for GET and POST as Slack takes them."""
        methods = {
            "auth.test": self.auth_test,
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
            "conversations.history": self.history,
            "conversations.info": self.info,
        }
        return [self.endpoint(f"/api/{name}", handler, "GET", "POST") for name, handler in methods.items()]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `channels`, ids or names, and `forbidden`, those that the bot is not in."""
        super().apply(settings)
        if "channels" in settings:
            self.channels = strings_or_any(settings["channels"], "channels")
        if "forbidden" in settings:
            self.forbidden = strings_or_any(settings["forbidden"], "forbidden") or frozenset()

    def shown(self) -> Iterable[object]:
        """Return the messages of all channels."""
        return self.messages.values()

    def failure(self, status: int) -> Response:
        """Return an error of the platform itself."""
        return json_answer({"ok": False, "error": "fatal_error" if status >= 500 else "request_refused"}, status)

    def unknown_path(self, status: int) -> Response:
        """Return what Slack says to a method that it does not have."""
        del status
        return json_answer({"ok": False, "error": "unknown_method"})

    def rate_limited(self, retry_after: float) -> Response:
        """Return Slack's 429; whole seconds only."""
        return json_answer(
            {"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(max(1, math.ceil(retry_after)))}
        )

    def channel_of(self, call: Call) -> str | None:
        """Return the channel as the caller wrote it."""
        given = call.body if isinstance(call.body, dict) else call.query
        channel = given.get("channel")
        return channel if isinstance(channel, str) else None

    def auth_test(self, call: Call) -> Response:
        """Say who the token belongs to."""
        self._arguments(call)
        return json_answer(
            {
                "ok": True,
                "url": "https://tieline-demo.slack.com/",
                "team": "Tieline Demo",
                "user": "tieline",
                "team_id": TEAM_ID,
                "user_id": BOT_USER,
                "bot_id": BOT_ID,
                "is_enterprise_install": False,
            }
        )

    def post_message(self, call: Call) -> Response:
        """Post to a channel; every message gets a ts of its own."""
        arguments = self._arguments(call)
        channel = self._channel(arguments)
        content, warnings = read_content(arguments)
        thread = arguments.get("thread_ts")
        if thread is not None and not (isinstance(thread, str) and TIMESTAMP.fullmatch(thread)):
            refuse("invalid_thread_ts")
        ts = self._next_ts()
        message: dict[str, object] = {
            "type": "message",
            "subtype": "bot_message",
            "bot_id": BOT_ID,
            "ts": ts,
            **content,
        }
        if thread:
            message["thread_ts"] = thread
        if arguments.get("metadata"):
            message["metadata"] = read_metadata(arguments["metadata"])
        self.messages[channel, ts] = message
        if len(self.messages) > MAX_MESSAGES:
            self.messages.popitem(last=False)
        shown = {name: value for name, value in message.items() if name != "metadata"}
        return json_answer({"ok": True, "channel": channel, "ts": ts, "message": shown, **warnings})

    def update(self, call: Call) -> Response:
        """Replace a message's content."""
        arguments = self._arguments(call)
        channel = self._channel(arguments)
        message = self.messages.get((channel, str(arguments.get("ts"))))
        if message is None:
            refuse("message_not_found")
        text = arguments.get("text")
        if isinstance(text, str) and len(text) > MAX_UPDATED_TEXT:
            refuse("msg_too_long")
        content, _ = read_content(arguments)
        if "blocks" not in content and "attachments" not in content:
            message.pop("blocks", None)
        message.update(content)
        if arguments.get("metadata"):
            message["metadata"] = read_metadata(arguments["metadata"])
        message["edited"] = {"user": BOT_USER, "ts": self._next_ts()}
        shown: dict[str, object] = {name: message[name] for name in ("text", "attachments") if name in message}
        shown["user"] = BOT_USER
        return json_answer(
            {"ok": True, "channel": channel, "ts": message["ts"], "text": message["text"], "message": shown}
        )

    def history(self, call: Call) -> Response:
        """List a channel's messages, newest first; threads' replies are not among them, metadata when asked for."""
        arguments = self._arguments(call)
        channel = self._channel(arguments)
        limit = read_limit(arguments.get("limit"), default=100, low=1, high=999)
        inclusive = str(arguments.get("inclusive", "")).lower() in ("true", "1")
        with_metadata = str(arguments.get("include_all_metadata", "")).lower() in ("true", "1")
        oldest = read_moment(arguments, "oldest", 0.0)
        latest = read_moment(arguments, "latest", math.inf)
        before = read_cursor(arguments.get("cursor"))
        found = [
            _shown(message, with_metadata=with_metadata)
            for (where, ts), message in reversed(self.messages.items())
            if where == channel
            and message.get("thread_ts", ts) == ts
            and (oldest < float(ts) < latest or (inclusive and float(ts) in (oldest, latest)))
            and float(ts) < before
        ]
        page = found[:limit]
        answer: dict[str, object] = {
            "ok": True,
            "messages": page,
            "has_more": len(found) > limit,
            "pin_count": 0,
            "channel_actions_ts": None,
            "channel_actions_count": 0,
        }
        if len(found) > limit:
            answer["response_metadata"] = {"next_cursor": f"ts:{page[-1]['ts']}"}
        return json_answer(answer)

    def info(self, call: Call) -> Response:
        """Describe a channel."""
        channel = self._channel(self._arguments(call))
        about = {"value": "", "creator": "", "last_set": 0}
        return json_answer(
            {
                "ok": True,
                "channel": {
                    "id": channel,
                    "name": channel.lower(),
                    "name_normalized": channel.lower(),
                    "created": CREATED,
                    "creator": BOT_USER,
                    "is_channel": True,
                    "is_group": False,
                    "is_im": False,
                    "is_mpim": False,
                    "is_private": False,
                    "is_archived": False,
                    "is_general": False,
                    "is_member": True,
                    "is_shared": False,
                    "is_ext_shared": False,
                    "is_org_shared": False,
                    "is_pending_ext_shared": False,
                    "is_read_only": False,
                    "pending_shared": [],
                    "previous_names": [],
                    "parent_conversation": None,
                    "purpose": about,
                    "topic": about,
                    "unlinked": 0,
                },
            }
        )

    def _arguments(self, call: Call) -> Mapping[str, object]:
        """Return the caller's arguments after checking its token, in the order in which Slack complains."""
        arguments: Mapping[str, object] = dict(call.query)
        kind = media_type(call.headers)
        if call.raw and kind == JSON_TYPE:
            if not isinstance(call.body, dict | list):
                refuse("invalid_json" if isinstance(call.body, str) else "json_not_object")
            if isinstance(call.body, list):
                refuse("json_not_object")
            arguments = call.body
        elif call.raw and kind == FORM_TYPE and isinstance(call.body, dict):
            arguments = read_form(call.body)
        elif call.raw:
            refuse("invalid_post_type" if kind else "missing_post_type")
        token = call.bearer() or (arguments.get("token") if kind != JSON_TYPE else None)
        if not token:
            refuse("invalid_auth" if call.headers.get("authorization") else "not_authed")
        if not self.knows(str(token)):
            refuse("invalid_auth")
        return arguments

    def _channel(self, arguments: Mapping[str, object]) -> str:
        channel = arguments.get("channel")
        if not isinstance(channel, str) or (self.channels is not None and channel not in self.channels):
            refuse("channel_not_found")
        if channel in self.forbidden:
            refuse("not_in_channel")
        if CHANNEL_ID.fullmatch(channel):
            return channel
        if not CHANNEL_NAME.fullmatch(channel):
            refuse("channel_not_found")
        return "C" + sha256(channel.lstrip("#").encode()).hexdigest()[:10].upper()

    def _next_ts(self) -> str:
        self._last_ts = max(self._last_ts + 1, int(self.clock() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"


def _shown(message: dict[str, object], *, with_metadata: bool) -> dict[str, object]:
    return {name: value for name, value in message.items() if name != "metadata" or with_metadata}
