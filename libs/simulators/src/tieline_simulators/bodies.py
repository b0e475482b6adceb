"""Request bodies by their content type, and JSON answers."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


def media_type(headers: Headers) -> str:
    """Return the content type without its parameters, in lower case; empty when there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def parsed(raw: bytes, headers: Headers) -> object:
    """Return JSON for JSON, a dictionary for a form, else text; None for an empty body. Never raises."""
    if not raw:
        return None
    kind = media_type(headers)
    if kind == JSON_TYPE or kind.endswith("+json"):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            return raw.decode(errors="replace")
    if kind == FORM_TYPE:
        return dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
    return raw.decode(errors="replace")


def json_answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type=JSON_TYPE)
