"""Surface C's calls to providers. Until they can be made, they answer whether the provider is configured."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from tieline.access import Principal

from tieline_gateway.domain import surface_c
from tieline_gateway.domain.errors import NotAvailableError, NotConfiguredError
from tieline_gateway.entrypoints.dependencies import ServicesDep, may
from tieline_gateway.entrypoints.paging import MOST
from tieline_gateway.handlers import reading

_READS = {
    "/api/integrations/pagerduty/oncall": "pagerduty",
    "/api/integrations/pagerduty/incidents": "pagerduty",
    "/api/integrations/linear/teams": "linear",
    "/api/integrations/linear/issues": "linear",
    "/api/observability/sentry": "sentry",
}
_WRITES = {
    "/api/integrations/pagerduty/incidents/{incident_id}/acknowledge": "pagerduty",
    "/api/integrations/linear/issues": "linear",
}


def build_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["C: organization"], include_in_schema=False)
    for path, provider in _READS.items():
        router.add_api_route(path, _call(provider, "integration.view"), methods=["GET"])
    for path, provider in _WRITES.items():
        router.add_api_route(path, _call(provider, "integration.edit"), methods=["POST"])
    return router


def _call(provider: str, permission: str) -> Any:
    async def call(caller: Annotated[Principal, Depends(may(permission))], services: ServicesDep) -> None:
        found = await reading.integrations(
            services.registry, caller.workspace_id, limit=MOST, where={"provider": provider}
        )
        if not surface_c.is_configured(surface_c.meant(provider, found.items)):
            raise NotConfiguredError(provider)
        raise NotAvailableError(provider)

    return call
