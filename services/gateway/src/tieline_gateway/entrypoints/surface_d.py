"""Surface D: an administrator's view of all integrations."""

from typing import Annotated

from fastapi import APIRouter, Depends
from tieline.access import Principal

from tieline_gateway.domain import surface_d
from tieline_gateway.domain.errors import NotFoundError
from tieline_gateway.domain.surface_d import AllIntegrations, Done, IntegrationRequest, OneIntegration
from tieline_gateway.entrypoints.dependencies import IntentDep, ServicesDep, may
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.entrypoints.paging import PagingDep
from tieline_gateway.handlers import integrations, reading


def build_router() -> APIRouter:
    """Return the routes of surface D, but for the sync stream."""
    router = APIRouter(tags=["D: admin"], route_class=JsonRoute)
    _reads(router)
    _writes(router)
    return router


def _reads(router: APIRouter) -> None:
    @router.get("/integrations/all", operation_id="listAllIntegrations")
    async def list_all(
        caller: Annotated[Principal, Depends(may("integration.view"))], services: ServicesDep, paging: PagingDep
    ) -> AllIntegrations:
        """Return all integrations, oldest first, secrets masked."""
        found = await reading.integrations(
            services.registry, caller.workspace_id, limit=paging.limit, offset=paging.offset
        )
        paging.answer_with(found)
        return {"success": True, "integrations": [surface_d.document_of(one) for one in found.items]}

    @router.get("/integrations/id/{integration_id}", operation_id="getIntegrationById")
    async def get_one(
        integration_id: str,
        caller: Annotated[Principal, Depends(may("integration.view"))],
        services: ServicesDep,
    ) -> OneIntegration:
        """Return one integration, secrets masked."""
        found = await services.registry.find_integration(caller.workspace_id, integration_id)
        if found is None:
            raise NotFoundError("integration")
        return {"success": True, "integration": surface_d.document_of(found)}


def _writes(router: APIRouter) -> None:
    @router.post("/integrations/create", operation_id="createAdminIntegration")
    async def create(
        body: IntegrationRequest,
        _caller: Annotated[Principal, Depends(may("integration.create"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> OneIntegration:
        """Create an integration."""
        draft, secrets = surface_d.creation_of(body, command_id=intent.command_id)
        saved = await integrations.save_one(services.commands, intent, draft, secrets)
        return {"success": True, "integration": surface_d.document_of(saved.integration)}

    @router.put("/integrations/update/{integration_id}", operation_id="updateAdminIntegration")
    async def update(
        integration_id: str,
        body: IntegrationRequest,
        caller: Annotated[Principal, Depends(may("integration.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> OneIntegration:
        """Replace an integration; a mask keeps the stored value of its field."""
        existing = await services.registry.find_integration(caller.workspace_id, integration_id)
        draft, secrets = surface_d.update_of(body, integration_id, existing, command_id=intent.command_id)
        saved = await integrations.save_one(services.commands, intent, draft, secrets)
        return {"success": True, "integration": surface_d.document_of(saved.integration)}

    @router.delete("/integrations/delete/{integration_id}", operation_id="deleteAdminIntegration")
    async def delete(
        integration_id: str,
        _caller: Annotated[Principal, Depends(may("integration.delete"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> Done:
        """Delete an integration with its secrets."""
        await integrations.delete(services.commands, intent, integration_id)
        return {"success": True, "message": "Integration deleted successfully"}
