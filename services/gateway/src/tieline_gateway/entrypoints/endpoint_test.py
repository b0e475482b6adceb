"""Surface E: running an endpoint with parameters of one's choice, to see what each stage of its pipeline does."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path
from tieline.access import Principal
from tieline.provider_client import EndpointCall

from tieline_gateway.domain.workspace_models import TestEndpointRequest, TestEndpointResponse
from tieline_gateway.entrypoints.dependencies import LONGEST_IDEMPOTENCY_KEY, ServicesDep, workspace_caller
from tieline_gateway.entrypoints.json_bodies import JsonRoute

_PATH = "/v1/{workspace_id}/integrations/{integration_id}/endpoints/{endpoint_name}/test"
_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"description": "Missing or invalid API key."},
    403: {"description": "Insufficient permissions."},
    404: {"description": "Integration not found."},
}


def build_router() -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["Integrations"], route_class=JsonRoute)

    @router.post(
        _PATH, operation_id="test-integration-endpoint", summary="Test an integration endpoint", responses=_RESPONSES
    )
    async def run_endpoint(
        *,
        integration_id: UUID,
        endpoint_name: Annotated[str, Path()],
        body: TestEndpointRequest,
        caller: Annotated[Principal, workspace_caller("integration.view")],
        services: ServicesDep,
        idempotency_key: Annotated[
            str | None,
            Header(
                min_length=1,
                max_length=LONGEST_IDEMPOTENCY_KEY,
                description="Passed on to an endpoint that takes idempotency keys, as one of its own.",
            ),
        ] = None,
    ) -> TestEndpointResponse:
        """Execute an endpoint with test parameters and return every stage. Requires `Integration.view` permission.

        Parameters that the endpoint's schema refuses are 422, and nothing is sent; what goes wrong with the call itself
        is told in `error`.
        """
        call = EndpointCall(
            workspace_id=caller.workspace_id,
            integration_id=str(integration_id),
            endpoint=endpoint_name,
            params=body.params,
            idempotency_key=idempotency_key,
        )
        run = await services.providers.run_endpoint(call)
        return TestEndpointResponse.model_validate(run.model_dump())

    return router
