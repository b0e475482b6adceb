"""Discord's API v10: posting, editing and reading back channel messages."""

import math
import re
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, NoReturn

from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.discord.limits import content_errors, list_of
from tieline_simulators.limits import Window
from tieline_simulators.stand_in import StandIn, strings_or_any

MAX_MESSAGES = 10_000
NONCE_SECONDS = 300.0  # "the past few minutes"
SNOWFLAKE = re.compile(r"\d{1,20}")
EPOCH_MS = 1_420_070_400_000  # snowflakes count from 2015
BOT_ID = "1175000000000000001"


class DiscordSimulator(StandIn):
    """One bot. Any snowflake is a channel unless `channels` names those that are; `forbidden` ones answer 403.

    The rate limit headers are on every answer. Nothing is refused for them unless `limit` is set.
    """

    name = "discord"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "channels", "forbidden"})
    channels: frozenset[str] | None = None
    forbidden: frozenset[str] = frozenset()

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock=clock)
        self.messages: OrderedDict[str, dict[str, object]] = OrderedDict()
        """By id, oldest first; what people in the channels see."""
        self._nonces: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._window = Window(requests=5, seconds=5.0)  # what a channel's messages have been seen to be allowed
        self._last_id = 0

    def routes(self) -> Sequence[Route]:
        """Return the paths under /api/v10."""
        messages = "/api/v10/channels/{channel_id}/messages"
        return [
            self.endpoint("/api/v10/users/@me", self.me),
            self.endpoint("/api/v10/channels/{channel_id}", self.channel),
            self.endpoint(messages, self.messages_endpoint, "GET", "POST"),
            self.endpoint(f"{messages}/{{message_id}}", self.message_endpoint, "GET", "PATCH"),
        ]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `channels` and `forbidden`."""
        super().apply(settings)
        if "channels" in settings:
            self.channels = strings_or_any(settings["channels"], "channels")
        if "forbidden" in settings:
            self.forbidden = strings_or_any(settings["forbidden"], "forbidden") or frozenset()

    def shown(self) -> Iterable[object]:
        """Return the messages of all channels."""
        return self.messages.values()

    def failure(self, status: int) -> Response:
        """Return Discord's general error for a status."""
        said = {401: "401: Unauthorized", 403: "Missing Access", 404: "404: Not Found", 405: "405: Method Not Allowed"}
        code = 50_001 if status == 403 else 0
        return json_answer({"message": said.get(status, f"{status}: Error"), "code": code}, status)

    def rate_limited(self, retry_after: float) -> Response:
        """Return Discord's 429, as for one resource of one bot."""
        headers = {
            "Retry-After": str(max(1, math.ceil(retry_after))),
            "X-RateLimit-Scope": "user",
            **self._rate_headers("messages", remaining=0, reset_after=retry_after),
        }
        body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": False}
        return json_answer(body, 429, headers)

    def channel_of(self, call: Call) -> str | None:
        """Return the channel in the path."""
        return call.params.get("channel_id")

    def me(self, call: Call) -> Response:
        """Say who the bot is."""
        self._authenticate(call)
        return json_answer({**self._bot(), "mfa_enabled": False, "locale": "en-US", "premium_type": 0, "email": None})

    def channel(self, call: Call) -> Response:
        """Describe a channel."""
        channel = self._channel(call)
        about = {
            "id": channel,
            "type": 0,
            "flags": 0,
            "guild_id": "1175000000000000000",
            "name": "alerts",
            "position": 0,
        }
        return json_answer(about)

    def messages_endpoint(self, call: Call) -> Response:
        """List a channel's messages, or post one."""
        channel = self._channel(call)
        if call.method == "POST":
            return self._create(call, channel)
        return self._list(call, channel)

    def message_endpoint(self, call: Call) -> Response:
        """Show a message, or edit it."""
        channel = self._channel(call)
        message = self.messages.get(call.params["message_id"])
        if message is None or message["channel_id"] != channel:
            raise Refused(json_answer({"message": "Unknown Message", "code": 10_008}, 404))
        if call.method == "GET":
            return json_answer(message, headers=self._rate_headers(channel))
        body = _object(call)
        _check_content(body)
        edited = dict(message)
        for name in ("content", "embeds", "flags", "components"):
            if name in body:
                edited[name] = body[name] or ({"content": "", "flags": 0}.get(name, []))
        if not (edited["content"] or edited["embeds"] or edited["components"]):
            _empty_message()
        edited["edited_timestamp"] = self._now()
        self.messages[str(edited["id"])] = edited
        return json_answer(edited, headers=self._rate_headers(channel))

    def _create(self, call: Call, channel: str) -> Response:
        body = _object(call)
        _check_content(body)
        if not any(body.get(name) for name in ("content", "embeds", "components", "sticker_ids", "poll")):
            _empty_message()
        rate = self._counted(channel)
        nonce = body.get("nonce")
        enforced = bool(body.get("enforce_nonce")) and nonce not in (None, "")
        if enforced and (earlier := self._same_nonce(str(nonce))):
            return json_answer(earlier, headers=rate)
        message: dict[str, object] = {
            "id": self._next_id(),
            "type": 0,
            "channel_id": channel,
            "author": self._bot(),
            "content": body.get("content") or "",
            "embeds": [{"type": "rich", **embed} for embed in list_of(body, "embeds")],
            "components": list_of(body, "components"),
            "attachments": [],
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "pinned": False,
            "tts": bool(body.get("tts")),
            "flags": body.get("flags") or 0,
            "timestamp": self._now(),
            "edited_timestamp": None,
            **({"nonce": nonce} if nonce is not None else {}),
        }
        self._keep(message, nonce=str(nonce) if enforced else None)
        return json_answer(message, headers=rate)

    def _list(self, call: Call, channel: str) -> Response:
        limit = call.query.get("limit", "50")
        if not limit.isdigit() or not 1 <= int(limit) <= 100:
            _invalid_form([("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")])
        bounds = {name: call.query.get(name) for name in ("before", "after")}
        for name, value in bounds.items():
            if value is not None and not value.isdigit():
                _invalid_form([(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')])
        before = int(bounds["before"] or 2**63)
        after = int(bounds["after"] or 0)
        found = [
            message
            for message in self.messages.values()
            if message["channel_id"] == channel and after < int(str(message["id"])) < before
        ]
        page = found[: int(limit)] if bounds["after"] else found[-int(limit) :]
        return json_answer(page[::-1], headers=self._rate_headers(channel))

    def _authenticate(self, call: Call) -> None:
        if not self.knows(call.bearer("Bot") or ""):
            raise Refused(self.failure(401))

    def _channel(self, call: Call) -> str:
        self._authenticate(call)
        channel = call.params["channel_id"]
        if not SNOWFLAKE.fullmatch(channel):
            _invalid_form([("channel_id", "NUMBER_TYPE_COERCE", f'Value "{channel}" is not snowflake.')])
        if channel in self.forbidden:
            raise Refused(self.failure(403))
        if self.channels is not None and channel not in self.channels:
            raise Refused(json_answer({"message": "Unknown Channel", "code": 10_003}, 404))
        return channel

    def _keep(self, message: dict[str, object], *, nonce: str | None) -> None:
        key = str(message["id"])
        self.messages[key] = message
        if len(self.messages) > MAX_MESSAGES:
            self.messages.popitem(last=False)
        if nonce is not None:
            self._nonces[nonce] = (self.clock(), key)
            if len(self._nonces) > MAX_MESSAGES:
                self._nonces.popitem(last=False)

    def _same_nonce(self, nonce: str) -> dict[str, object] | None:
        at, key = self._nonces.get(nonce, (0.0, ""))
        return self.messages.get(key) if self.clock() - at < NONCE_SECONDS else None

    def _counted(self, channel: str) -> dict[str, str]:
        """Count a post against the channel's window; return the headers to answer with."""
        now = self.clock()
        allowance = self.limit.state(channel, now) if self.limit else self._window.take(channel, now)
        return self._rate_headers(channel, remaining=allowance.remaining, reset_after=allowance.reset_after)

    def _rate_headers(self, bucket: str, *, remaining: int | None = None, reset_after: float = 5.0) -> dict[str, str]:
        limit = (self.limit or self._window).requests
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - 1 if remaining is None else remaining),
            "X-RateLimit-Reset": f"{self.clock() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": f"{zlib.crc32(bucket.encode()):08x}",
        }

    def _next_id(self) -> str:
        self._last_id = max(self._last_id + 1, (int(self.clock() * 1000) - EPOCH_MS) << 22)
        return str(self._last_id)

    def _now(self) -> str:
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="microseconds")

    def _bot(self) -> dict[str, object]:
        return {
            "id": BOT_ID,
            "username": "tieline",
            "global_name": None,
            "discriminator": "0000",
            "avatar": None,
            "public_flags": 0,
            "flags": 0,
            "bot": True,
            "primary_guild": None,
        }


def _check_content(body: Mapping[str, object]) -> None:
    if errors := content_errors(body):
        _invalid_form(errors)


def _object(call: Call) -> dict[str, object]:
    if not isinstance(call.body, dict):
        raise Refused(json_answer({"message": "The request body contains invalid JSON.", "code": 50_109}, 400))
    return call.body


def _invalid_form(errors: Sequence[tuple[str, str, str]]) -> NoReturn:
    nested: dict[str, object] = {}
    for path, code, message in errors:
        level = nested
        for token in path.split("."):
            level = level.setdefault(token, {})  # type: ignore[assignment]  # only dictionaries above `_errors`
        level.setdefault("_errors", []).append({"code": code, "message": message})  # type: ignore[attr-defined]
    raise Refused(json_answer({"message": "Invalid Form Body", "code": 50_035, "errors": nested}, 400))


def _empty_message() -> NoReturn:
    raise Refused(json_answer({"message": "Cannot send an empty message", "code": 50_006}, 400))
