"""Surface A: `POST /api/v2/integrations/save`."""

from typing import Annotated

from fastapi import APIRouter, Depends
from tieline.access import Principal

from tieline_gateway.domain import surface_a
from tieline_gateway.domain.surface_a import SaveRequest, SaveResponse
from tieline_gateway.entrypoints.dependencies import IntentDep, ServicesDep, may
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.handlers.integrations import save_one


def build_router() -> APIRouter:
    """Return the routes of surface A."""
    router = APIRouter(tags=["A: save"], route_class=JsonRoute)

    @router.post("/api/v2/integrations/save", operation_id="saveIntegration")
    async def save_integration(
        body: SaveRequest,
        _caller: Annotated[Principal, Depends(may("integration.create", "integration.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> SaveResponse:
        """Save or update an integration; the same `unique_identifier` updates."""
        draft, secrets = surface_a.draft_of(body, command_id=intent.command_id)
        saved = await save_one(services.commands, intent, draft, secrets)
        return {"success": True, "data": surface_a.document_of(saved.integration), "error": None}

    return router
