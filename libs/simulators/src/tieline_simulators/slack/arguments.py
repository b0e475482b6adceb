"""Reads the arguments of Slack's methods, and refuses those that Slack would."""

import math
import re
from collections.abc import Mapping
from typing import NoReturn

import orjson

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Refused
from tieline_simulators.slack.blocks import block_errors

MAX_TEXT = 40_000  # chat.postMessage posts the rest away and warns
MAX_ATTACHMENTS = 100
TIMESTAMP = re.compile(r"\d{1,12}\.\d{1,6}")


def refuse(error: str, *, messages: list[str] | None = None) -> NoReturn:
    """Answer with an error, and what is wrong where."""
    body: dict[str, object] = {"ok": False, "error": error}
    if messages:
        body |= {"errors": messages, "response_metadata": {"messages": [f"[ERROR] {each}" for each in messages]}}
    raise Refused(json_answer(body))


def read_form(fields: Mapping[str, object]) -> dict[str, object]:
    """Return form fields with those decoded that hold JSON."""
    decoded = dict(fields)
    for name in ("blocks", "attachments", "metadata"):
        if isinstance(value := decoded.get(name), str) and value:
            try:
                decoded[name] = orjson.loads(value)
            except orjson.JSONDecodeError:
                refuse(f"invalid_{name}_format" if name != "attachments" else "invalid_attachments")
    return decoded


def read_content(arguments: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return text, blocks and attachments as they are kept, and the warnings to answer with."""
    content: dict[str, object] = {"text": ""}
    warnings: dict[str, object] = {}
    text, blocks, attachments = (arguments.get(name) for name in ("text", "blocks", "attachments"))
    if not text and not blocks and not attachments:
        refuse("no_text")
    if text is not None and not isinstance(text, str):
        refuse("invalid_arguments", messages=["must be a string [json-pointer:/text]"])
    if text:
        content["text"] = text[:MAX_TEXT]
        if len(text) > MAX_TEXT:
            told = "[WARN] Only the first 40,000 characters of `text` were posted."
            warnings = {"response_metadata": {"warnings": ["message_truncated"], "messages": [told]}}
    if blocks:
        if errors := block_errors(blocks):
            refuse("invalid_blocks", messages=errors)
        content["blocks"] = blocks
    if attachments:
        if not isinstance(attachments, list) or not all(isinstance(each, dict) for each in attachments):
            refuse("invalid_attachments")
        if len(attachments) > MAX_ATTACHMENTS:
            refuse("too_many_attachments")
        content["attachments"] = [{**each, "id": number} for number, each in enumerate(attachments, 1)]
    return content, warnings


def read_metadata(value: object) -> dict[str, object]:
    """Return message metadata: an event type and its payload."""
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("event_type"), str)
        or not isinstance(value.get("event_payload"), dict)
    ):
        refuse("invalid_metadata_format")
    return value


def read_limit(value: object, *, default: int, low: int, high: int) -> int:
    """Return how many to list."""
    if value in (None, ""):
        return default
    try:
        number = int(str(value))
    except ValueError:
        refuse("invalid_limit")
    if not low <= number <= high:
        refuse("invalid_limit")
    return number


def read_moment(arguments: Mapping[str, object], name: str, default: float) -> float:
    """Return a bound in seconds."""
    value = arguments.get(name)
    if value in (None, ""):
        return default
    try:
        return float(str(value))
    except ValueError:
        refuse(f"invalid_ts_{name}")


def read_cursor(value: object) -> float:
    """Return the time before which a page begins."""
    if value in (None, ""):
        return math.inf
    prefix, _, ts = str(value).partition(":")
    if prefix != "ts" or not TIMESTAMP.fullmatch(ts):
        refuse("invalid_cursor")
    return float(ts)
