"""Surface E: integrations of a workspace."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from tieline.access import Principal

from tieline_gateway.domain import surface_e
from tieline_gateway.domain.errors import NotFoundError, NotPermittedError, RequestInvalidError
from tieline_gateway.domain.workspace_models import (
    CreateIntegrationRequest,
    IntegrationResponse,
    PaginatedResponse,
    SearchString,
    UpdateIntegrationRequest,
)
from tieline_gateway.entrypoints.dependencies import IntentDep, ServicesDep, workspace_caller
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.entrypoints.preconditions import ExpectedRevision, tag
from tieline_gateway.handlers import integrations

_ALL = "/v1/{workspace_id}/integrations"
_ONE = "/v1/{workspace_id}/integrations/{integration_id}"
LARGEST_OFFSET = 2**31 - 1

_MISSING_KEY: dict[int | str, dict[str, Any]] = {
    401: {"description": "Missing or invalid API key."},
    403: {"description": "Insufficient permissions."},
}
_NO_INTEGRATION: dict[int | str, dict[str, Any]] = {**_MISSING_KEY, 404: {"description": "Integration not found."}}


class ListQuery:
    """What part of the list is asked for."""

    def __init__(
        self,
        *,
        enabled: bool | None = None,
        protocol: str | None = None,
        search: SearchString | None = None,
        sort_by: str | None = None,
        limit: Annotated[int, Query(gt=0, le=100)] = 10,
        continuation_token: int = 0,
    ) -> None:
        if not 0 <= continuation_token <= LARGEST_OFFSET:
            raise RequestInvalidError.of(("query", "continuation_token"), "is none that was given out")
        self.where = surface_e.filters_of(enabled=enabled, protocol=protocol)
        self.search = search
        self.sort = surface_e.sort_of(sort_by)
        self.limit = limit
        self.offset = continuation_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a change is about, and the revision it expects."""

    integration_id: str
    expected_revision: int | None


def _edited(
    integration_id: UUID,
    _caller: Annotated[Principal, workspace_caller("integration.edit")],
    expected_revision: ExpectedRevision,
) -> Target:
    return Target(integration_id=str(integration_id), expected_revision=expected_revision)


def build_router() -> APIRouter:
    """Return the routes of surface E."""
    router = APIRouter(tags=["Integrations"], route_class=JsonRoute)
    _reads(router)
    _writes(router)
    return router


def _reads(router: APIRouter) -> None:
    @router.get(_ALL, operation_id="list-integrations", summary="List integrations", responses=_MISSING_KEY)
    async def list_integrations(
        caller: Annotated[Principal, workspace_caller("integration.view", stranger=NotPermittedError(None))],
        services: ServicesDep,
        query: Annotated[ListQuery, Depends()],
    ) -> PaginatedResponse[IntegrationResponse]:
        """List the integrations of a workspace, page by page. Requires `Integration.view` permission."""
        page = await services.registry.list_integrations(
            caller.workspace_id,
            limit=query.limit,
            offset=query.offset,
            search=query.search,
            sort=query.sort,
            where=query.where,
        )
        return PaginatedResponse(
            items=[surface_e.document_of(one) for one in page.items],
            has_more=page.next_offset is not None,
            continuation_token=page.next_offset,
            total=page.total,
        )

    @router.get(_ONE, operation_id="get-integration", summary="Get an integration", responses=_NO_INTEGRATION)
    async def get_integration(
        integration_id: UUID,
        caller: Annotated[Principal, workspace_caller("integration.view")],
        services: ServicesDep,
        response: Response,
    ) -> IntegrationResponse:
        """Retrieve an integration by ID. Requires `Integration.view` permission."""
        found = await services.registry.find_integration(caller.workspace_id, str(integration_id))
        if found is None:
            raise NotFoundError("integration")
        tag(response, found.revision)
        return surface_e.document_of(found)


def _writes(router: APIRouter) -> None:
    @router.post(
        _ALL,
        operation_id="create-integration",
        summary="Create an integration",
        status_code=201,
        responses={
            **_MISSING_KEY,
            404: {"description": "Workspace not found."},
            409: {"description": "Integration name already taken in this workspace."},
            422: {"description": "Invalid request body."},
        },
    )
    async def create_integration(
        body: CreateIntegrationRequest,
        _caller: Annotated[Principal, workspace_caller("integration.create")],
        intent: IntentDep,
        services: ServicesDep,
        response: Response,
    ) -> IntegrationResponse:
        """Create a new external API integration in a workspace. Requires `Integration.create` permission."""
        draft, secrets = surface_e.creation_of(body, command_id=intent.command_id)
        saved = await integrations.save_one(services.commands, intent, draft, secrets)
        tag(response, saved.integration.revision)
        return surface_e.document_of(saved.integration)

    @router.patch(
        _ONE,
        operation_id="update-integration",
        summary="Update an integration",
        responses={
            **_NO_INTEGRATION,
            412: {"description": "The integration has changed since the revision in If-Match."},
            422: {"description": "Invalid request body."},
        },
    )
    async def update_integration(
        target: Annotated[Target, Depends(_edited)],
        body: UpdateIntegrationRequest,
        intent: IntentDep,
        services: ServicesDep,
        response: Response,
    ) -> IntegrationResponse:
        """Change what the body names. Requires `Integration.edit` permission."""
        draft, secrets = surface_e.update_of(
            body, target.integration_id, command_id=intent.command_id, expected_revision=target.expected_revision
        )
        saved = await integrations.save_one(services.commands, intent, draft, secrets)
        tag(response, saved.integration.revision)
        return surface_e.document_of(saved.integration)

    @router.delete(
        _ONE,
        operation_id="delete-integration",
        summary="Delete an integration",
        status_code=204,
        responses={
            **_NO_INTEGRATION,
            412: {"description": "The integration has changed since the revision in If-Match."},
        },
    )
    async def delete_integration(
        integration_id: UUID,
        _caller: Annotated[Principal, workspace_caller("integration.delete")],
        intent: IntentDep,
        services: ServicesDep,
        expected_revision: ExpectedRevision,
    ) -> None:
        """Delete an integration. Requires `Integration.delete` permission."""
        await integrations.delete(services.commands, intent, str(integration_id), expected_revision=expected_revision)
