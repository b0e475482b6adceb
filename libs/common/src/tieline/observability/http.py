"""A span for every request that a service answers."""

from collections.abc import Awaitable

from opentelemetry.trace import Span, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tieline.observability.tracing import server_span, unsampled_here, unsampled_request, wanted

_UNTRACED = frozenset({"/healthz", "/readyz", "/readyz/traffic", "/metrics"})
_TRACEPARENT = b"traceparent"
_TRACE_HEADERS = frozenset({_TRACEPARENT, b"tracestate"})
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

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            return self._app(scope, receive, send)
        unsampled = None if _belongs_to_a_trace(scope) else unsampled_request()
        if unsampled is None:
            return self._in_a_span(scope, receive, send)
        # Never reset: the server answers each request in a task, and so in a context, of its own. Nothing is wrapped
        # around the answering either, which nearly all requests would pay for.
        unsampled_here.set(unsampled)
        return self._app(scope, receive, send)

    async def _in_a_span(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        with server_span(method, _carried(scope), scope["path"]) as span:
            await self._app(scope, receive, _noting(span, method, scope, send) if span.is_recording() else send)


def _belongs_to_a_trace(scope: Scope) -> bool:
    for name, _ in scope["headers"]:  # noqa: SIM110 - a generator costs half as much again
        if name == _TRACEPARENT:
            return True
    return False


def _carried(scope: Scope) -> dict[str, str]:
    """Return the trace that a request carries, of its raw headers: decoding all of them would take longer."""
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _TRACE_HEADERS}


def _noting(span: Span, method: str, scope: Scope, send: Send) -> Send:
    """Return `send` that notes in `span` how the request was answered, and by which route."""

    async def note_status(message: Message) -> None:
        if message["type"] == "http.response.start":
            noted: dict[str, str | int] = {"http.response.status_code": message["status"]}
            if message["status"] >= SERVER_ERROR:
                span.set_status(Status(StatusCode.ERROR))
            route = route_of(scope)
            if route:
                span.update_name(f"{method} {route}")
                noted["http.route"] = route
            span.set_attributes(noted)
        await send(message)

    return note_status
