"""Requests that belong to the webhook router, passed through as they come; nothing is buffered whole."""

from collections.abc import AsyncIterator

import httpx2
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from tieline_gateway.domain.errors import UnavailableError
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


class Passthrough:
    """Forwards a request to one upstream and streams its answer back."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def __call__(self, request: Request) -> Response:
        """Answer what the upstream answers, or 503 in the surface's shape when it is away."""
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in _PER_CONNECTION]
        forwarded = self._http.build_request(
            request.method,
            httpx2.URL(path=request.url.path, query=request.url.query.encode()),
            headers=headers,
            content=_body(request),
        )
        try:
            answer = await self._http.send(forwarded, stream=True)
        except (httpx2.HTTPError, ClientDisconnect):
            return surface_of(request.url.path).answer(UnavailableError("webhook router"))
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _PER_CONNECTION}
        return StreamingResponse(
            answer.aiter_raw(), status_code=answer.status_code, headers=kept, background=BackgroundTask(answer.aclose)
        )


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk
