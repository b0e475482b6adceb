"""The attributes of a CloudEvent, checked as the 1.0 specification has them: names, types, which are required."""

import re
from collections.abc import Callable
from datetime import datetime

from tieline_webhooks.domain.senders.errors import InvalidCloudEventError

Attribute = str | int | bool

MAX_ATTRIBUTE = 2_048  # characters; the specification has no limit, Kafka headers and the matcher need one
REQUIRED = ("specversion", "id", "source", "type")

_is_name = re.compile(r"[a-z0-9]+", re.ASCII).fullmatch
_forbidden = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]")
_is_timestamp = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
).fullmatch
_is_media_type = re.compile(
    r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+'-]+|\"[^\"]*\"))*\s*;?", re.ASCII
).fullmatch
_uri_character = r"(?:[\w.~:@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_is_uri_reference = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?"
    rf"(?://(?:{_uri_character}|\[[0-9A-Fa-f:.]+\])*(?=[/?#]|$))?"
    rf"(?:{_uri_character}|/)*(?:\?(?:{_uri_character}|[/?])*)?(?:#(?:{_uri_character}|[/?])*)?",
    re.ASCII,
).fullmatch


def check_name(name: str, index: int | None) -> None:
    """Raise unless `name` may name an attribute: lower-case letters and digits, and not `data`."""
    if _is_name(name) is None or name == "data":
        raise InvalidCloudEventError("attribute names consist of a-z and 0-9", attribute=name[:64], index=index)


def check_value(name: str, value: object, index: int | None) -> Attribute:
    """Return a value of a type that attributes may have: string, boolean, or integer of 32 bits. Raises otherwise."""
    if isinstance(value, bool):
        pass
    elif isinstance(value, int):
        if not -(2**31) <= value < 2**31:
            raise InvalidCloudEventError("an integer has at most 32 bits", attribute=name, index=index)
    elif not isinstance(value, str):
        raise InvalidCloudEventError("must be a string, an integer or a boolean", attribute=name, index=index)
    elif len(value) > MAX_ATTRIBUTE:
        raise InvalidCloudEventError(f"is longer than {MAX_ATTRIBUTE} characters", attribute=name, index=index)
    elif _forbidden.search(value) or any(ord(each) & 0xFFFE == 0xFFFE for each in value):
        raise InvalidCloudEventError("holds a control character or no character at all", attribute=name, index=index)
    return value


def check_core(attributes: dict[str, Attribute], index: int | None) -> None:
    """Raise unless the required attributes are there and every attribute of the specification has its form."""
    for name in REQUIRED:
        if name not in attributes:
            raise InvalidCloudEventError("is required", attribute=name, index=index)
    for name, (fits, form) in _FORMS.items():
        if name not in attributes:
            continue
        value = attributes[name]
        if not isinstance(value, str) or not value:
            raise InvalidCloudEventError("must be a non-empty string", attribute=name, index=index)
        if not fits(value):
            raise InvalidCloudEventError(f"must be {form}", attribute=name, index=index)


def _is_time(value: str) -> bool:
    """Return whether this is an RFC 3339 time of a day that exists. Second 60 is a leap second."""
    parts = _is_timestamp(value)
    if parts is None or int(parts[3]) > 60:
        return False
    try:
        datetime.fromisoformat(f"{parts[1]}T{parts[2]}")
    except ValueError:
        return False
    return True


def _is_reference(value: str) -> bool:
    """Return whether this is an RFC 3986 URI-reference; without a scheme, its first segment holds no colon."""
    parts = _is_uri_reference(value)
    return parts is not None and (parts["scheme"] is not None or ":" not in re.split(r"[/?#]", value, maxsplit=1)[0])


def _is_uri(value: str) -> bool:
    parts = _is_uri_reference(value)
    return parts is not None and parts["scheme"] is not None


_FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    "specversion": (lambda value: value == "1.0", "1.0"),
    "id": (bool, "a non-empty string"),
    "source": (_is_reference, "a URI-reference"),
    "type": (bool, "a non-empty string"),
    "subject": (bool, "a non-empty string"),
    "time": (_is_time, "an RFC 3339 time"),
    "datacontenttype": (_is_media_type, "a media type"),
    "dataschema": (_is_uri, "an absolute URI"),
}
CORE = frozenset(_FORMS)
