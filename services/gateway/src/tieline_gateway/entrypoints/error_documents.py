"""Errors in the OpenAPI document: for every operation the statuses it may answer, with the body of its surface.

Published statuses stay as their documents describe them; what they leave out is added.
"""

import re
from typing import Any, Final

from fastapi import FastAPI

from tieline_gateway.entrypoints.surfaces import ADMIN, BULK, ORGANIZATION, SAVE, WORKSPACE, Surface, surface_of

_DETAIL: Final = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
_FAILED_SAVE: Final = {
    "type": "object",
    "properties": {"success": {"const": False}, "data": {"type": "null"}, "error": {"type": "string"}},
    "required": ["success", "data", "error"],
}
_BULK: Final = {
    "type": "object",
    "properties": {
        "status": {"type": "integer"},
        "error": {"type": "string"},
        "message": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "message": {"type": "string"},
                },
                "required": ["path", "message"],
            },
        },
    },
    "required": ["status", "error", "message"],
}
_ORGANIZATION: Final = {
    "type": "object",
    "properties": {
        "error": {"type": "string"},
        "code": {"type": "string"},
        "status": {"type": "integer"},
        "details": {"type": "string"},
    },
    "required": ["error", "code", "status"],
}
_ADMIN: Final = {
    "type": "object",
    "properties": {"success": {"const": False}, "message": {"type": "string"}},
    "required": ["success", "message"],
}
_BODIES: Final[dict[Surface, dict[str, Any]]] = {
    BULK: _BULK,
    ORGANIZATION: _ORGANIZATION,
    ADMIN: _ADMIN,
    WORKSPACE: _DETAIL,
}
_DESCRIPTIONS: Final = {
    400: "The request is invalid.",
    401: "Missing or invalid API key.",
    403: "Insufficient permissions.",
    404: "There is no such thing.",
    409: "The request collides with what is there, or its idempotency key was used for another one.",
    413: "The body is too large.",
    422: "The request is invalid.",
    429: "Too many requests; `Retry-After` says when to come back.",
    500: "Something failed inside.",
    503: "A part of Tieline is away; `Retry-After` says when to come back.",
    504: "No answer in time: the change may still be made, the same idempotency key tells later.",
}
_ALWAYS: Final = {401, 403, 429, 500, 503}
_ON_WRITES: Final = {404, 409, 413, 504}
_WRITES: Final = {"post", "put", "patch", "delete"}
_SECURITY: Final = {
    "BearerAuth": {
        "type": "http",
        "scheme": "bearer",
        "description": "API key issued via `POST /v1/{workspace_id}/api-keys`; every surface takes it in any of these.",
    },
    "ApiKeyAuth": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "TokenAuth": {"type": "apiKey", "in": "header", "name": "X-Authorization"},
}


def describe_errors(app: FastAPI) -> None:
    """Make `app.openapi()` tell every error it may answer, and how callers prove themselves."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = original()
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _describe(
                        surface_of(_sample(path)), method, operation, has_ids="{" in path.replace("{workspace_id}", "")
                    )
            document["components"]["securitySchemes"] = _SECURITY
            document["security"] = [{name: []} for name in _SECURITY]
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change its document


def _sample(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path)


def _describe(surface: Surface, method: str, operation: dict[str, Any], *, has_ids: bool) -> None:
    responses = operation["responses"]
    statuses = _ALWAYS | (_ON_WRITES if method in _WRITES else set()) | ({404} if has_ids else set())
    if surface in {BULK, ORGANIZATION, ADMIN}:  # their word for what others answer 422
        responses.pop("422", None)
        statuses |= {400}
    if surface is SAVE:
        statuses -= {503}  # answered 500, as documented
    if surface is ORGANIZATION:
        operation.setdefault("parameters", []).append(
            {
                "name": "x-org-id",
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
                "description": "The organization: the workspace's slug or id.",
            }
        )
    for status in sorted(statuses - {int(known) for known in responses}):
        responses[str(status)] = {
            "description": _DESCRIPTIONS[status],
            "content": {"application/json": {"schema": _body(surface, status)}},
        }


def _body(surface: Surface, status: int) -> dict[str, Any]:
    if surface is SAVE:
        return _FAILED_SAVE if status >= 500 or status in {404, 409} else _DETAIL
    return _BODIES[surface]
