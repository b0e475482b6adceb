"""Requests that belong to another service, passed through as they come; nothing is buffered whole."""

from collections.abc import AsyncIterator
from typing import Final, Literal

import httpx2
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from tieline.observability.tracing import client_span, trace_headers

from tieline_gateway.domain.errors import GatewayError, NotFoundError, NotPermittedError, UnavailableError
from tieline_gateway.entrypoints.dependencies import principal_of
from tieline_gateway.entrypoints.surfaces import surface_of

# Headers that belong to one connection (RFC 9110, section 7.6.1) and are not passed on.
_PER_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
    }
)
_SAFE = frozenset({"GET", "HEAD"})


class Passthrough:
    """Forwards requests to one service and streams its answers back."""

    def __init__(self, http: httpx2.AsyncClient, *, service: Literal["webhook router"]) -> None:
        self._http = http
        self._service: Final = service

    async def answer(self, request: Request) -> Response:
        """Answer what the service answers, or 503 in the surface's shape when it is away."""
        try:
            with client_span(request.method, http__request__method=request.method):
                answer = await self._http.send(self._forwarded(request), stream=True)
        except (httpx2.HTTPError, ClientDisconnect):
            return surface_of(request.url.path).answer(UnavailableError(self._service))
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _PER_CONNECTION}
        return StreamingResponse(
            answer.aiter_raw(), status_code=answer.status_code, headers=kept, background=BackgroundTask(answer.aclose)
        )

    def _forwarded(self, request: Request) -> httpx2.Request:
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        return self._http.build_request(
            request.method,
            httpx2.URL(path=request.url.path, query=request.url.query.encode()),
            headers=_headers(request),
            content=_body(request) if has_body else None,
        )


class GuardedPassthrough:
    """A passthrough for callers who may: another workspace's paths are not found, permissions are asked for first."""

    def __init__(self, passthrough: Passthrough, *, read: str, write: str) -> None:
        self._passthrough = passthrough
        self._read = read
        self._write = write

    async def answer(self, request: Request) -> Response:
        """Pass the request on, or answer why not."""
        try:
            self._check(request)
        except GatewayError as error:
            return surface_of(request.url.path).answer(error)
        return await self._passthrough.answer(request)

    def _check(self, request: Request) -> None:
        principal = principal_of(request)
        if not principal.names(request.path_params.get("workspace_id", principal.workspace_id)):
            raise NotFoundError("workspace")
        permission = self._read if request.method in _SAFE else self._write
        if not principal.may(permission):
            raise NotPermittedError(permission)


def _headers(request: Request) -> list[tuple[bytes, bytes]]:
    """Return the headers to pass on; the trace, if there is one, goes on from our own span."""
    own = {name.encode(): value.encode() for name, value in trace_headers().items()}
    passed = [
        (name, value) for name, value in request.headers.raw if name not in own and name.decode() not in _PER_CONNECTION
    ]
    return [*passed, *own.items()]


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk
