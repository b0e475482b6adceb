"""Exceptions on their way out: every one is answered in the shape of its surface."""

import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tieline.errors import RegistryUnavailableError
from tieline.registry_client import RegistryRefusedError
from tieline.sync_client import SyncRefusedError, SyncWorkerUnavailableError

from tieline_gateway.domain.errors import (
    ConflictError,
    FieldError,
    GatewayError,
    NotFoundError,
    RequestInvalidError,
    UnavailableError,
)
from tieline_gateway.entrypoints.surfaces import Fault, surface_of

log = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Coroutine[Any, Any, Response]]


async def _gateway_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - registered for this class only
    return surface_of(request.url.path).answer(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    wrong = [
        FieldError(
            loc=tuple(item["loc"]),
            message=item["msg"].removeprefix("Value error, "),
            kind=item["type"],
            ctx={name: value for name, value in item.get("ctx", {}).items() if isinstance(value, int | str)},
        )
        for item in error.errors()
    ]
    return surface_of(request.url.path).answer(RequestInvalidError(wrong))


async def _registry_away(request: Request, error: Exception) -> Response:
    log.warning("the registry could not be asked", extra={"reason": str(error)})
    return surface_of(request.url.path).answer(UnavailableError("registry"))


async def _sync_worker_away(request: Request, error: Exception) -> Response:
    log.warning("the sync worker could not be asked", extra={"reason": str(error)})
    return surface_of(request.url.path).answer(UnavailableError("sync worker"))


async def _sync_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, SyncRefusedError)  # noqa: S101 - registered for this class only
    match error.code:
        case "run_active":
            known: GatewayError = ConflictError("run_active", str(error))
        case "version_not_found":
            known = NotFoundError("dataset version")
        case "invalid":
            known = RequestInvalidError.of(("body",), str(error))
        case _:
            return await _sync_worker_away(request, error)
    return surface_of(request.url.path).answer(known)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    surface = surface_of(request.url.path)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return surface.answer(NotFoundError("path"))
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's word for a body that can't be read
        if isinstance(error.__cause__, GatewayError):
            return surface.answer(error.__cause__)
        return surface.answer(RequestInvalidError.of(("body",), "the body can't be read"))
    code = HTTPStatus(error.status_code).name
    fault = Fault(status=error.status_code, code=code, message=error.detail)
    body = surface.body(GatewayError(error.detail), fault)
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("a request failed unexpectedly", extra={"path": request.url.path}, exc_info=error)
    return surface_of(request.url.path).answer(GatewayError("unexpected"))


def answer_failures(app: FastAPI) -> None:
    """Register the handlers on `app`."""
    handlers: dict[Any, Handler] = {
        GatewayError: _gateway_error,
        RequestValidationError: _invalid,
        RegistryUnavailableError: _registry_away,
        RegistryRefusedError: _registry_away,
        SyncWorkerUnavailableError: _sync_worker_away,
        SyncRefusedError: _sync_refused,
        HTTPException: _http_exception,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
