"""Surface B: `POST /api/integrations`, an array that is saved whole or not at all."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends
from tieline.access import Principal

from tieline_gateway.domain import surface_b
from tieline_gateway.domain.errors import NotFoundError
from tieline_gateway.domain.surface_b import BulkItem, Summary
from tieline_gateway.entrypoints.dependencies import IntentDep, ServicesDep, may
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.handlers.integrations import save_all

Items = Annotated[list[BulkItem], Body(max_length=surface_b.MOST)]


def build_router() -> APIRouter:
    """Return the routes of surface B."""
    router = APIRouter(tags=["B: bulk save"], route_class=JsonRoute)

    @router.post("/api/integrations/", include_in_schema=False)
    @router.post("/api/integrations", operation_id="saveAllIntegrations")
    async def save_all_integrations(
        body: Items,
        _caller: Annotated[Principal, Depends(may("integration.create", "integration.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> list[Summary]:
        """Create or update integrations by name: all of them, or none when one is wrong."""
        drafts = surface_b.drafts_of(body, command_id=intent.command_id)
        if not drafts:
            return []
        try:
            saved = await save_all(services.commands, intent, drafts)
        except NotFoundError as error:
            if error.what != "integration":
                raise
            # Only a draft without configuration refuses to create what is not there.
            raise surface_b.without_configuration(body) from error
        return [surface_b.summary_of(one.integration, created=one.created) for one in saved]

    return router
