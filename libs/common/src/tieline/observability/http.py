"""A span for every request that a service answers."""

from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tieline.observability.tracing import context_of, tracer, wanted

_UNTRACED = frozenset({"/healthz", "/readyz", "/readyz/traffic", "/metrics"})
SERVER_ERROR = 500

ROUTE = "tieline.route"
"""Where in the ASGI scope an application without a router says which path template it serves."""


def route_of(scope: Scope) -> str | None:
    """Return the path's template as the application declared it; None when it is not known (yet, or at all)."""
    found: str | None = getattr(scope.get("route"), "path", None) or scope.get(ROUTE)
    return found


def traced(app: ASGIApp) -> ASGIApp:
    """Return `app` with a server span around each request, or `app` itself when no traces are wanted."""
    return _TracedApp(app) if wanted() else app


class _TracedApp:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        method: str = scope["method"]
        parent = context_of(dict(Headers(scope=scope).items()))
        with tracer.start_as_current_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.path": scope["path"]},
            record_exception=False,
        ) as span:

            async def note_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= SERVER_ERROR:
                        span.set_status(Status(StatusCode.ERROR))
                    route = route_of(scope)
                    if route:
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)
                await send(message)

            await self._app(scope, receive, note_status)
