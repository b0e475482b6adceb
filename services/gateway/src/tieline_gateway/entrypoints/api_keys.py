"""API keys of a workspace: `/v1/{workspace_id}/api-keys`."""

from typing import Annotated

from fastapi import APIRouter, Query
from tieline.access import Principal

from tieline_gateway.domain import api_keys
from tieline_gateway.domain.api_keys import ApiKeyResponse, IssuedApiKeyResponse, IssueRequest
from tieline_gateway.domain.errors import RequestInvalidError
from tieline_gateway.domain.workspace_models import PaginatedResponse
from tieline_gateway.entrypoints.dependencies import IntentDep, ServicesDep, workspace_caller
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.handlers.api_keys import issue, revoke

Caller = Annotated[Principal, workspace_caller("apikey.manage")]


def build_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["API keys"], route_class=JsonRoute)

    @router.post("/v1/{workspace_id}/api-keys", operation_id="issue-api-key", status_code=201)
    async def issue_key(
        body: IssueRequest, caller: Caller, intent: IntentDep, services: ServicesDep
    ) -> IssuedApiKeyResponse:
        """Issue a key; `api_key` is shown in this answer and never again."""
        if body.expires_at is not None and body.expires_at <= intent.issued_at:
            raise RequestInvalidError.of(("body", "expires_at"), "must be in the future")
        issued = await issue(
            services.commands,
            intent,
            name=body.name,
            permissions=api_keys.granted(body, caller),
            expires_at=body.expires_at,
        )
        return IssuedApiKeyResponse(api_key=issued.api_key, **issued.stored.model_dump())

    @router.get("/v1/{workspace_id}/api-keys", operation_id="list-api-keys")
    async def list_keys(
        caller: Caller,
        services: ServicesDep,
        limit: Annotated[int, Query(gt=0, le=100)] = 10,
        continuation_token: Annotated[int, Query(ge=0)] = 0,
    ) -> PaginatedResponse[ApiKeyResponse]:
        """List the workspace's keys, newest first, revoked ones too; never the keys themselves."""
        known = await services.registry.list_api_keys(caller.workspace_id)
        end = continuation_token + limit
        has_more = end < len(known)
        return PaginatedResponse(
            items=[ApiKeyResponse.of(key) for key in known[continuation_token:end]],
            has_more=has_more,
            continuation_token=end if has_more else None,
            total=len(known),
        )

    @router.delete("/v1/{workspace_id}/api-keys/{key_id}", operation_id="revoke-api-key", status_code=204)
    async def revoke_key(key_id: str, _caller: Caller, intent: IntentDep, services: ServicesDep) -> None:
        """Revoke a key; it stops working within 5 seconds everywhere."""
        await revoke(services.commands, intent, key_id)

    return router
