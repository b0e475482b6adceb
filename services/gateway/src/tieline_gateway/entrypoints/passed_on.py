"""Which paths belong to which other service."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from tieline.observability.http import ROUTE

from tieline_gateway.entrypoints.passthrough import GuardedPassthrough, Passthrough

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

OPEN = ("/api/webhooks/{rest:path}", "/api/events")
"""Paths whose callers prove themselves to the webhook router: by a signature, or by a key that it looks up."""

ROUTING = ("/api/channel-routes/explain", "/api/channel-routes/what-if")
DELIVERING = ("deliveries", "ledger", "quarantine", "events", "destinations", "agents")

Answering = Callable[[Request], Awaitable[Response]]


def pass_to_router(app: FastAPI, router: Passthrough) -> None:
    """Add the webhook router's paths to `app`."""
    for path in OPEN:
        app.add_route(path, _named(path, router.answer), methods=_METHODS, include_in_schema=False)
    routing = GuardedPassthrough(router, read="route.view", write="route.view")  # explaining changes nothing
    for path in ROUTING:
        app.add_route(path, _named(path, routing.answer), methods=["POST"], include_in_schema=False)
    delivering = GuardedPassthrough(router, read="event.view", write="event.publish")
    for part in DELIVERING:
        for path in (f"/v1/{{workspace_id}}/{part}", f"/v1/{{workspace_id}}/{part}/{{rest:path}}"):
            app.add_route(path, _named(path, delivering.answer), methods=_METHODS, include_in_schema=False)


def _named(path: str, answer: Answering) -> Answering:
    """Return `answer` that says which path template it serves: FastAPI notes that for routes of its own only."""
    template = path.replace(":path}", "}")

    async def answering(request: Request) -> Response:
        request.scope[ROUTE] = template
        return await answer(request)

    return answering
