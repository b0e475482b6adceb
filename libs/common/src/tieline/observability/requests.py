"""How many requests a service answers, and how fast, by the template of their path: never by the path itself."""

import time
from collections.abc import Awaitable

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tieline.observability.http import route_of

SECONDS = Histogram(
    "tieline_http_request_seconds",
    "From the request to the first byte of its answer, by method, route and class of status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
OTHER = "other"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNCOUNTED = ("/healthz", "/readyz", "/metrics", "/api/webhooks/")  # the last are counted by their own metrics


def measured(app: ASGIApp) -> ASGIApp:
    """Return `app` with each request counted."""

    def counting(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or scope["path"].startswith(_UNCOUNTED):
            return app(scope, receive, send)
        return _counted(app, scope, receive, send)

    return counting


async def _counted(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    began = time.perf_counter()

    async def note(message: Message) -> None:
        if message["type"] == "http.response.start":
            method = scope["method"] if scope["method"] in _METHODS else OTHER
            status = f"{message['status'] // 100}xx"
            SECONDS.labels(method, route_of(scope) or OTHER, status).observe(time.perf_counter() - began)
        await send(message)

    await app(scope, receive, note)
