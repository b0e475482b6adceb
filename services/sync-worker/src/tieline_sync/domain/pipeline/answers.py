"""The body of an endpoint's answer as a value, without the secrets it may repeat."""

from typing import Any, Final

import orjson

from tieline_sync.domain.providers.errors import UpstreamError
from tieline_sync.domain.providers.reading import decoded
from tieline_sync.domain.providers.scrubbing import Scrubber

LARGEST_BODY: Final = 4_194_304
LARGEST_SHOWN: Final = 262_144


def value_of(body: bytes, *, content_type: str, scrubber: Scrubber) -> Any:
    """Return the body as JSON where it is JSON, else as text; None when it is empty. Raises UpstreamError."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    if not text.strip():
        return None
    if "json" not in content_type.lower() and text.lstrip()[:1] not in "{[":
        return scrubber.text(text)
    try:
        value = decoded(text)
    except ValueError:
        return scrubber.text(text)
    try:
        return scrubber.json(value) if scrubber.may_hold(text) else value
    except RecursionError as error:
        raise UpstreamError("The response is nested too deeply", is_outage=False) from error


def shown(value: Any) -> Any:
    """Return a stage's value as it is shown: whole, or the beginning of its JSON where that is very long."""
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return None
    if len(text) <= LARGEST_SHOWN:
        return value
    beginning = text[:LARGEST_SHOWN].decode("utf-8", "ignore")
    return f"{beginning}… (cut: {len(text)} bytes in all)"
