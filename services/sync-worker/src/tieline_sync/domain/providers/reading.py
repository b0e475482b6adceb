"""Reading a provider's JSON: what is missing or of another kind is None, never an exception."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson
from tieline.clock import iso_z


def decoded(text: str | bytes) -> Any:
    """Return the value of JSON. Raises ValueError for what is none, or is nested without measure.

    Half a surrogate pair, which some encoders let pass, becomes a replacement character: it can't be passed on as text.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if "\\u" not in text:
            raise
    try:
        return _whole(json.loads(text, parse_constant=_refuse))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def at(value: Any, *keys: str | int) -> Any:
    """Return what stands at `keys`, or None."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key] if -len(value) <= key < len(value) else None
        else:
            return None
    return value


def text(value: Any, *keys: str | int) -> str | None:
    """Return the text at `keys`, or None."""
    found = at(value, *keys)
    return found if isinstance(found, str) else None


def objects(value: Any, *keys: str | int) -> list[Mapping[str, Any]]:
    """Return the objects of the list at `keys`."""
    found = at(value, *keys)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def number(value: Any, *keys: str | int) -> int:
    """Return the whole number at `keys`, also one written as text; 0 for anything else."""
    found = at(value, *keys)
    if isinstance(found, bool):
        return 0
    try:
        return int(found)
    except (TypeError, ValueError, OverflowError):
        return 0


def instant(value: Any, *keys: str | int) -> str | None:
    """Return the instant at `keys` in UTC to the second, `2026-03-21T14:05:00Z`; None when there is none."""
    found = text(value, *keys)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found)
    except ValueError:
        return None
    return iso_z(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
