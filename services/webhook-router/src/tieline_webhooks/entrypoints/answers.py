"""Errors on their way out of the router's own API: surface C's shape below `/api`, `{"detail": …}` elsewhere."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tieline.errors import PermanentError, RecordTooLargeError, TielineError, TransientError
from tieline.routing.content_filter import InvalidFilterError
from tieline.routing.patterns import InvalidPatternError

from tieline_webhooks.domain.errors import DeliveryNotFoundError, QuarantineEntryNotFoundError
from tieline_webhooks.domain.senders.errors import InvalidCloudEventError, UnusableBodyError

log = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as HTTP sees it."""

    status: int
    code: str
    message: str
    headers: dict[str, str] | None = None


class RefusedRequestError(PermanentError):
    """A request that is refused before any handler sees it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def answer(request: Request, fault: Fault) -> Response:
    """Return a fault in the shape of the request's surface."""
    if request.url.path.startswith("/api/"):
        body: dict[str, Any] = {"error": fault.message, "code": fault.code, "status": fault.status}
    else:
        body = {"detail": fault.message}
    return JSONResponse(body, status_code=fault.status, headers=fault.headers)


def fault_of(error: TielineError) -> Fault:
    """Return what an error is to a caller."""
    match error:
        case RefusedRequestError():
            return error.fault
        case RecordTooLargeError():
            return Fault(status=413, code="PAYLOAD_TOO_LARGE", message=str(error))
        case DeliveryNotFoundError():
            return Fault(status=404, code="DELIVERY_NOT_FOUND", message=str(error))
        case QuarantineEntryNotFoundError():
            return Fault(status=404, code="QUARANTINE_ENTRY_NOT_FOUND", message=str(error))
        case InvalidPatternError():
            return Fault(status=400, code="INVALID_PATTERN", message=str(error))
        case InvalidFilterError():
            return Fault(status=400, code="INVALID_FILTER", message=str(error))
        case InvalidCloudEventError() | UnusableBodyError():
            return Fault(status=400, code="INVALID_EVENT", message=str(error))
        case TransientError():
            seconds = str(int(error.retry_after.total_seconds()) if error.retry_after else 5)
            headers = {"retry-after": seconds}
            return Fault(status=503, code="UNAVAILABLE", message="Not available right now", headers=headers)
        case _:
            return Fault(status=409, code="REFUSED", message=str(error))


def answer_errors(app: FastAPI) -> None:
    """Answer every error of `app` in its surface's shape."""
    handlers: dict[type[Exception], Handler] = {
        TielineError: _tieline_error,
        RequestValidationError: _invalid,
        HTTPException: _http_exception,
        Exception: _failed,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _tieline_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TielineError)  # noqa: S101 - registered for this class only
    if isinstance(error, TransientError):
        log.warning("a request could not be served", extra={"path": request.url.path, "reason": str(error)})
    return answer(request, fault_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    wrong = "; ".join(f"{'.'.join(map(str, item['loc'][1:])) or 'body'}: {item['msg']}" for item in error.errors()[:10])
    status = 400 if request.url.path.startswith("/api/") else 422
    return answer(request, Fault(status=status, code="INVALID_REQUEST", message=wrong))


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers) if error.headers else None
    return answer(request, Fault(status=status, code=status.name, message=status.phrase, headers=headers))


async def _failed(request: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error, extra={"path": request.url.path})
    return answer(request, Fault(status=500, code="INTERNAL_ERROR", message="Internal error"))
