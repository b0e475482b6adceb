"""Reading a sender's JSON: quickly where it has the known shape, patiently where it has not.

A shape is a msgspec struct whose fields all have defaults, so that only what an event needs is built and the rest is
skipped. A member of an unexpected type costs that member, not the event; a body that is JSON only by a stretch (an
unpaired surrogate left by a cut emoji, NaN) is repaired. Only what is no JSON object at all is refused.
"""

import json
import math
import re
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Generic, TypeVar, get_args

import msgspec

from tieline_webhooks.domain.senders.errors import UnusableBodyError

MAX_TITLE = 500
MAX_DETAIL = 1_000
MAX_LINK = 2_048
MAX_TYPE = 128
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138

_not_in_token = re.compile(r"[^a-z0-9_-]+")


class Shape(msgspec.Struct, gc=False):
    """Part of a sender's body: the members an event is made of, each with a default."""


ShapeT = TypeVar("ShapeT", bound=Shape)

Text = str | None
Id = str | int | None
Time = str | int | float | None


class Reader(Generic[ShapeT]):
    """Reads bodies of one shape. A typical 4 KB body takes 3 to 6 µs, an odd one about 100."""

    def __init__(self, shape: type[ShapeT]) -> None:
        self._shape = shape
        self._decode = msgspec.json.Decoder(shape).decode

    def read(self, body: bytes) -> tuple[ShapeT, bytes | None]:
        """Return what the body says, and the body repaired if that was needed. Raises UnusableBodyError."""
        try:
            if not body.isascii():
                body.decode()  # members that are skipped are not checked by the decoder
            return self._decode(body), None
        except UnicodeDecodeError as error:
            raise UnusableBodyError("it is not UTF-8") from error
        except RecursionError as error:
            raise UnusableBodyError("it is nested too deeply") from error
        except msgspec.DecodeError:
            return self._salvage(body)

    def _salvage(self, body: bytes) -> tuple[ShapeT, bytes | None]:
        value, repaired = _patiently(body)
        if not isinstance(value, dict):
            raise UnusableBodyError("it is not a JSON object")
        return _converted(self._shape, value), repaired


def _patiently(body: bytes) -> tuple[object, bytes | None]:
    try:
        return msgspec.json.decode(body), None
    except msgspec.DecodeError:
        pass
    try:
        value = json.loads(body.decode(), parse_constant=lambda _: None, parse_float=_finite)
        repaired = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError) as error:
        raise UnusableBodyError("it is not JSON") from error
    return json.loads(repaired), repaired


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _converted(shape: type[ShapeT], value: dict[str, Any]) -> ShapeT:
    """Return `value` as `shape`, leaving every member that does not fit at its default."""
    members: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):
        if field.encode_name not in value:
            continue
        member = value[field.encode_name]
        try:
            members[field.name] = msgspec.convert(member, field.type)
        except msgspec.ValidationError:
            inner = next((each for each in get_args(field.type) if _is_shape(each)), None)
            if inner is not None and isinstance(member, dict):
                members[field.name] = _converted(inner, member)
    return shape(**members)


def _is_shape(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, Shape)


def body_key(body: bytes) -> str:
    """Return the deduplication key of a body that carries no id of its own: its SHA-256, in hex."""
    return sha256(body).hexdigest()


def subject_of(kind: str, identity: object, key: str) -> str:
    """Return `kind/identity`; where the body does not identify the thing, one that no other event shares."""
    return f"{kind}/{identity}" if identity else f"{kind}/unidentified-{key[:16]}"


def text_of(value: object) -> str | None:
    """Return a string or a number as text; None for anything else, and for the empty string."""
    if isinstance(value, str):
        return value or None
    return None if value is None or isinstance(value, bool) or not isinstance(value, int) else str(value)


def headline(*candidates: str | None) -> str | None:
    """Return the first candidate that says something, on one line, cut to MAX_TITLE."""
    for candidate in candidates:
        if candidate and (line := " ".join(candidate[: 2 * MAX_TITLE].split())):
            return line[:MAX_TITLE]
    return None


def excerpt(text: str | None) -> str | None:
    """Return a longer text without its outer space, cut to MAX_DETAIL; None if nothing is left."""
    return text.strip()[:MAX_DETAIL].rstrip() or None if text else None


def web_link(*candidates: str | None) -> str | None:
    """Return the first candidate that a browser may open: http or https, printable, no spaces, of bearable length."""
    for link in candidates:
        if (
            link
            and link.startswith(("https://", "http://"))
            and len(link) <= MAX_LINK
            and link.isprintable()
            and " " not in link
        ):
            return link
    return None


def instant(value: object) -> datetime | None:
    """Return an ISO 8601 text or a Unix time (seconds; milliseconds if it is large) in UTC; None if it is neither."""
    try:
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value)
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def dotted(name: str) -> str:
    """Return a sender's name for a kind of event as lower-case tokens joined by dots, at most MAX_TYPE long."""
    return _dotted(name[:MAX_TYPE])


@lru_cache(maxsize=4_096)
def _dotted(name: str) -> str:
    tokens = (_not_in_token.sub("_", part) for part in name.lower().split("."))
    return ".".join(token for token in tokens if token) or "unknown"
