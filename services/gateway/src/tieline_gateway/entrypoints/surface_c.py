"""Surface C: the status and configuration of an organization's integrations, and its channel routes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from tieline.access import Principal
from tieline.clock import iso_z
from tieline.ids import derived_id

from tieline_gateway.domain import channel_routes, surface_c
from tieline_gateway.domain.channel_routes import RouteChange, RouteDeleted, RouteDocument, RouteList, RouteRequest
from tieline_gateway.domain.surface_c import ConfigureRequest, ConfigureResponse, StatusResponse
from tieline_gateway.entrypoints.dependencies import IntentDep, ServicesDep, may
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.entrypoints.paging import PagingDep
from tieline_gateway.handlers import reading, routes
from tieline_gateway.handlers.integrations import save_one

RouteId = Annotated[str, Path(min_length=1, max_length=channel_routes.LONGEST_ID)]


def build_router() -> APIRouter:
    """Return the routes of surface C."""
    router = APIRouter(tags=["C: organization"], route_class=JsonRoute)
    _integrations(router)
    _channel_routes(router)
    return router


def _integrations(router: APIRouter) -> None:
    @router.get("/api/integrations/status", operation_id="integrationStatus")
    async def status(
        caller: Annotated[Principal, Depends(may("integration.view"))], services: ServicesDep
    ) -> StatusResponse:
        """Tell which integrations are configured and active, and how calls to their providers go."""
        known = await reading.integrations_of(services.registry, caller.workspace_id, surface_c.CONFIGURABLE)
        health = await services.providers.health(caller.workspace_id)
        return {"integrations": surface_c.statuses(known, health)}

    @router.post("/api/integrations/configure", operation_id="configureIntegration")
    async def configure(
        body: ConfigureRequest,
        caller: Annotated[Principal, Depends(may("integration.create", "integration.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> ConfigureResponse:
        """Set or update credentials and settings; what is not sent stays as it is."""
        found = await reading.integrations(
            services.registry, caller.workspace_id, limit=1, where={"provider": body.integration}
        )
        draft, secrets = surface_c.configuration_of(body, command_id=intent.command_id, exists=bool(found.items))
        saved = (await save_one(services.commands, intent, draft, secrets)).integration
        return {
            "integration": saved.provider,
            "status": surface_c.activity_of(saved),
            "configuredAt": iso_z(saved.updated_at),
        }


def _channel_routes(router: APIRouter) -> None:
    @router.get("/api/channel-routes", operation_id="listChannelRoutes")
    async def list_routes(
        caller: Annotated[Principal, Depends(may("route.view"))],
        services: ServicesDep,
        paging: PagingDep,
        after: Annotated[
            int | None,
            Query(ge=0, le=2**53, description="As `Link` gives it, so that nothing is counted through."),
        ] = None,
    ) -> RouteList:
        """List the channel routes, oldest first."""
        found = await reading.routes(
            services.registry, caller.workspace_id, limit=paging.limit, offset=paging.offset, after=after
        )
        paging.answer_with(found)
        return {"routes": [channel_routes.route_document(route) for route in found.items]}

    @router.post("/api/channel-routes", operation_id="createChannelRoute")
    async def create_route(
        body: RouteRequest,
        _caller: Annotated[Principal, Depends(may("route.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> RouteDocument:
        """Create a channel route."""
        route = await routes.save(
            services.commands,
            intent,
            derived_id(intent.command_id, "route"),
            create=True,
            event_type=body.eventType,
            channel=body.channel,
            channel_id=body.channelId,
            project_id=body.projectId,
            enabled=body.enabled,
            filter=body.filter,
            fallback_route_id=body.fallbackRouteId,
        )
        return channel_routes.route_document(route, created=True)

    @router.patch("/api/channel-routes/{route_id}", operation_id="updateChannelRoute")
    async def update_route(
        route_id: RouteId,
        body: RouteChange,
        _caller: Annotated[Principal, Depends(may("route.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> RouteDocument:
        """Change what the body names of a channel route, switch it off or on."""
        route = await routes.save(services.commands, intent, route_id, create=False, **body.fields())
        return channel_routes.route_document(route)

    @router.delete("/api/channel-routes/{route_id}", operation_id="deleteChannelRoute")
    async def delete_route(
        route_id: RouteId,
        _caller: Annotated[Principal, Depends(may("route.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> RouteDeleted:
        """Delete a channel route."""
        await routes.delete(services.commands, intent, route_id)
        return {"id": route_id, "deleted": True}
