"""Who changed what: `/v1/{workspace_id}/audit`."""

from typing import Annotated

from fastapi import APIRouter, Query
from tieline.access import Principal
from tieline.contracts.audit import AuditEntry

from tieline_gateway.domain.workspace_models import PaginatedResponse
from tieline_gateway.entrypoints.dependencies import ServicesDep, workspace_caller


def build_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["Audit"])

    @router.get("/v1/{workspace_id}/audit", operation_id="list-audit")
    async def list_audit(
        caller: Annotated[Principal, workspace_caller("apikey.manage")],
        services: ServicesDep,
        limit: Annotated[int, Query(gt=0, le=100)] = 50,
        continuation_token: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    ) -> PaginatedResponse[AuditEntry]:
        """List changes, newest first: names of what was changed, never values. Requires `Apikey.manage` permission."""
        page = await services.registry.list_audit(caller.workspace_id, limit=limit, before=continuation_token)
        return PaginatedResponse(
            items=page.items, has_more=page.next_before is not None, continuation_token=page.next_before
        )

    return router
