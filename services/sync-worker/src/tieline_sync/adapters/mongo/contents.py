"""A record's data as BSON where it fits, else as JSON text in a field of its own.

Providers send keys with dots or dollars and numbers beyond 64 bits, which a document cannot hold or be queried by.
"""

from typing import Any

import orjson
from tieline.contracts.base import JsonObject

from tieline_sync.adapters.mongo.database import Document

DEEPEST = 50  # MongoDB refuses documents nested deeper than 100
LEAST, MOST = -(2**63), 2**63 - 1


def stored(data: JsonObject) -> Document:
    """Return the field that holds `data`."""
    if _fits(data, DEEPEST):
        return {"data": data}
    return {"json": orjson.dumps(data).decode()}


def from_stored(document: Document) -> JsonObject:
    """Return what `stored` was given."""
    data: JsonObject = orjson.loads(document["json"]) if "json" in document else document["data"]
    return data


def _fits(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return levels > 0 and all(_names_a_field(key) and _fits(item, levels - 1) for key, item in value.items())
    if isinstance(value, list):
        return levels > 0 and all(_fits(item, levels - 1) for item in value)
    return not isinstance(value, int) or LEAST <= value <= MOST


def _names_a_field(key: str) -> bool:
    return bool(key) and key[0] != "$" and "." not in key and "\0" not in key
