"""The router's own API: events in, deliveries, the ledger, the quarantine, and what routes say."""

from datetime import timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from tieline.access import Principal
from tieline.clock import system_clock
from tieline.routing.content_filter import compile_filter
from tieline.routing.patterns import RoutePatterns

from tieline_webhooks.domain.errors import QuarantineEntryNotFoundError
from tieline_webhooks.domain.routes import ChannelRoute
from tieline_webhooks.domain.senders import cloudevents
from tieline_webhooks.domain.senders.errors import SignatureError
from tieline_webhooks.entrypoints import shapes
from tieline_webhooks.entrypoints.answers import Fault, RefusedRequestError, answer_errors
from tieline_webhooks.entrypoints.callers import Caller, ServicesDep
from tieline_webhooks.entrypoints.pages import Cursor, Limit, cursor_after, place_of
from tieline_webhooks.handlers.explain import Explanation, sketched_event
from tieline_webhooks.handlers.publish import Published

Publisher = Annotated[Principal, Depends(Caller("event.publish"))]
Viewer = Annotated[Principal, Depends(Caller("event.view"))]
RouteViewer = Annotated[Principal, Depends(Caller("route.view"))]


def build_api(*, max_body_bytes: int) -> FastAPI:
    """Return the app with its routes, connected to nothing: enough to write its OpenAPI document."""
    app = FastAPI(
        title="Tieline webhook router",
        version="1",
        description="Events in, deliveries out; behind the gateway, or called directly.",
        redirect_slashes=False,
        max_body_size=max_body_bytes,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # requests are traced and measured in `tieline`
    )
    for part in (_events(), _deliveries(), _quarantine(), _routes()):
        app.include_router(part)
    answer_errors(app)
    return app


def _events() -> APIRouter:
    router = APIRouter(tags=["events"])

    @router.post("/api/events")
    async def publish_events(
        request: Request, principal: Publisher, services: ServicesDep
    ) -> shapes.PublishedOne | shapes.PublishedBatch:
        """Take CloudEvents 1.0 in: structured, binary, or a batch. A batch is taken whole or refused whole.

        An event with the `source` and `id` of an earlier one is that one again, and delivered no second time.
        """
        headers = dict(request.headers)
        events = cloudevents.parse(await request.body(), headers)
        published = await services.publish(principal, events, traceparent=headers.get("traceparent"))
        if cloudevents.mode_of(headers) == "batch":
            return shapes.PublishedBatch(received=True, events=[_published(each) for each in published])
        return shapes.PublishedOne(received=True, **_published(published[0]).model_dump())

    @router.get("/v1/{workspace_id}/events")
    async def list_events(
        principal: Viewer, services: ServicesDep, limit: Limit = 50, cursor: Cursor = None
    ) -> shapes.EventPage:
        """List the events of a workspace, newest first."""
        found = await services.events.page(principal.workspace_id, before=place_of(cursor), limit=limit)
        more = cursor_after(found[-1].received_at, found[-1].id) if len(found) == limit else None
        return shapes.EventPage(events=[shapes.EventShape.of(each) for each in found], next_cursor=more)

    return router


def _deliveries() -> APIRouter:
    router = APIRouter(prefix="/v1/{workspace_id}", tags=["deliveries"])

    @router.get("/deliveries")
    async def list_deliveries(
        asked: Annotated[shapes.DeliveryQuery, Query()], principal: Viewer, services: ServicesDep
    ) -> shapes.DeliveryPage:
        """List deliveries, newest first."""
        before = place_of(asked.cursor)
        found = await services.deliveries.page(principal.workspace_id, asked.selection(), before)
        more = cursor_after(found[-1].created_at, found[-1].id) if len(found) == asked.limit else None
        return shapes.DeliveryPage(deliveries=[shapes.DeliveryShape.of(each) for each in found], next_cursor=more)

    @router.post("/deliveries/replay")
    async def replay_deliveries(
        asked: shapes.SelectionShape, principal: Publisher, services: ServicesDep
    ) -> shapes.Changed:
        """Send deliveries once more, whatever became of them; pending ones are sent now."""
        _require_narrow(asked)
        changed = await services.manage.replay(principal.workspace_id, asked.selection())
        return shapes.Changed(count=len(changed), ids=[each.id for each in changed])

    @router.post("/deliveries/release")
    async def release_deliveries(
        asked: shapes.SelectionShape, principal: Publisher, services: ServicesDep
    ) -> shapes.Changed:
        """Send parked deliveries, even if their route is disabled or gone."""
        _require_narrow(asked)
        changed = await services.manage.release(principal.workspace_id, asked.selection())
        return shapes.Changed(count=len(changed), ids=[each.id for each in changed])

    @router.get("/deliveries/{delivery_id}")
    async def get_delivery(delivery_id: str, principal: Viewer, services: ServicesDep) -> shapes.DeliveryShape:
        """Show one delivery with its attempts."""
        return shapes.DeliveryShape.of(await services.deliveries.get(principal.workspace_id, delivery_id))

    @router.get("/ledger")
    async def get_ledger(principal: Viewer, services: ServicesDep) -> shapes.LedgerShape:
        """Show the books: received = delivered + pending + parked + dead + suppressed."""
        balance = await services.ledger.balance(principal.workspace_id)
        return shapes.LedgerShape.of(principal.workspace_id, balance, system_clock())

    return router


def _quarantine() -> APIRouter:
    router = APIRouter(prefix="/v1/{workspace_id}/quarantine", tags=["quarantine"])

    @router.get("")
    async def list_quarantine(
        principal: Viewer, services: ServicesDep, limit: Limit = 50, cursor: Cursor = None
    ) -> shapes.QuarantinePage:
        """List refused webhooks, newest first."""
        found = await services.entries.list(principal.workspace_id, before=place_of(cursor), limit=limit)
        more = cursor_after(found[-1].received_at, found[-1].id) if len(found) == limit else None
        return shapes.QuarantinePage(entries=[shapes.QuarantineShape.of(each) for each in found], next_cursor=more)

    @router.post("/{entry_id}/reverify")
    async def reverify_webhook(entry_id: str, principal: Publisher, services: ServicesDep) -> shapes.Reverified:
        """Tell whether a refused webhook is genuine by the secrets of today."""
        refusal = await services.quarantine.reverify(principal.workspace_id, entry_id)
        return shapes.Reverified(verified=refusal is None, reason=None if refusal is None else refusal.reason)

    @router.post("/{entry_id}/replay")
    async def replay_webhook(entry_id: str, principal: Publisher, services: ServicesDep) -> shapes.Replayed:
        """Take a refused webhook in if it is genuine by the secrets of today."""
        done = await services.quarantine.replay(principal.workspace_id, entry_id)
        if isinstance(done, SignatureError):
            return shapes.Replayed(received=False, reason=done.reason)
        return shapes.Replayed(received=True, routed=done.routed, agent_id=done.agent_id, event_id=done.event_id)

    @router.delete("/{entry_id}", status_code=204)
    async def drop_webhook(entry_id: str, principal: Publisher, services: ServicesDep) -> None:
        """Forget a refused webhook."""
        if not await services.entries.remove(principal.workspace_id, entry_id):
            raise QuarantineEntryNotFoundError(entry_id)

    return router


def _routes() -> APIRouter:
    router = APIRouter(prefix="/api/channel-routes", tags=["routes"])

    @router.post("/explain")
    async def explain_event(
        asked: shapes.ExplainRequest, principal: RouteViewer, services: ServicesDep
    ) -> shapes.Explained:
        """Say for each route of the workspace whether it takes an event, and why not."""
        if asked.event_id is not None:
            found = await services.explain.stored(principal.workspace_id, asked.event_id)
            if found is None:
                raise RefusedRequestError(Fault(status=404, code="EVENT_NOT_FOUND", message="Event not found"))
            return _explained(found)
        if asked.event_type is None:
            raise RefusedRequestError(
                Fault(status=400, code="INVALID_REQUEST", message="eventType or eventId is required")
            )
        facts = {"type": asked.event_type, **asked.model_dump(include={"aliases", "source", "project", "project_id"})}
        body = msgspec.json.encode(asked.data) if asked.data is not None else b"{}"
        return _explained(services.explain.explain(principal.workspace_id, sketched_event(facts), body))

    @router.post("/what-if")
    async def try_route(
        asked: shapes.WhatIfRequest, principal: RouteViewer, services: ServicesDep
    ) -> shapes.WhatIfAnswer:
        """Say what a route would have taken of the last days' events, without saving it."""
        found = await services.explain.what_if(_route(asked, principal), within=timedelta(days=asked.days))
        return shapes.WhatIfAnswer(
            looked_at=found.looked_at,
            matched=found.matched,
            cut_off=found.cut_off,
            by_type=found.by_type,
            samples=[shapes.EventShape.of(each) for each in found.samples],
        )

    return router


def _published(each: Published) -> shapes.PublishedEvent:
    return shapes.PublishedEvent(event_id=each.event_id, routed=each.agent_id is not None, agent_id=each.agent_id)


def _require_narrow(asked: shapes.SelectionShape) -> None:
    if asked.empty:
        fault = Fault(
            status=422, code="INVALID_REQUEST", message="Say which deliveries: ids, a state, a pattern, a time"
        )
        raise RefusedRequestError(fault)


def _explained(found: Explanation) -> shapes.Explained:
    verdicts = sorted(found.verdicts, key=lambda each: (not each[1].takes, each[0].id))
    return shapes.Explained(
        event_type=found.event.type,
        routed=found.routed,
        agent_id=found.agent_id,
        routes=[
            shapes.RouteVerdict(
                id=route.id,
                event_type=route.event_type,
                channel=route.channel,
                channel_id=route.channel_id,
                project_id=route.project_id,
                enabled=route.enabled,
                takes=verdict.takes,
                reason=verdict.reason.value,
                detail=verdict.detail,
            )
            for route, verdict in verdicts
        ],
    )


def _route(asked: shapes.WhatIfRequest, principal: Principal) -> ChannelRoute:
    """Return the route in question. Raises InvalidPatternError, InvalidFilterError."""
    return ChannelRoute(
        id="what-if",
        workspace_id=principal.workspace_id,
        event_type=asked.event_type,
        patterns=RoutePatterns.parse(asked.event_type),
        channel="slack",
        channel_id="what-if",
        project_id=asked.project_id,
        enabled=True,
        content_filter=None if asked.filter is None else compile_filter(asked.filter),
        fallback_route_id=None,
        created_at=system_clock(),
    )
