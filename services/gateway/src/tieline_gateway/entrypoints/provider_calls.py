"""Surface C's calls to providers, which the sync worker makes.

Lists say by `Link` where they go on, by a `cursor`. Reads may be a few seconds old, as `Cache-Control` says; a request
with `Cache-Control: no-cache` gets a new answer.
"""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import JSONResponse
from tieline.access import Principal
from tieline.contracts.integrations import Integration
from tieline.provider_client import (
    LONGEST_LIST,
    AcknowledgeIncident,
    AnyOperation,
    CreateLinearIssue,
    ListIncidents,
    ListLinearIssues,
    ListSentryIssues,
    ListTeams,
    ProviderAnswer,
    WhoIsOnCall,
)

from tieline_gateway.domain import provider_documents as documents
from tieline_gateway.domain import surface_c
from tieline_gateway.domain.errors import NotConfiguredError, RequestInvalidError
from tieline_gateway.entrypoints.dependencies import IntentDep, Services, ServicesDep, may
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.entrypoints.paging import MOST
from tieline_gateway.handlers import reading

STATUSES = ("triggered", "acknowledged", "resolved")
LONGEST_QUERY = 2048
Limit = Annotated[int, Query(ge=1, le=LONGEST_LIST, description="Max results")]
Cursor = Annotated[str | None, Query(max_length=512, description="Where to go on, from the `Link` of the page before")]
Text = Annotated[str | None, Query(min_length=1, max_length=512)]
_UPSTREAM: dict[int | str, dict[str, Any]] = {502: {"description": "The provider did not answer as it should."}}


class Caller:
    """Who asks for a read, and how old the answer may be."""

    def __init__(
        self,
        request: Request,
        principal: Annotated[Principal, Depends(may("integration.view"))],
        services: ServicesDep,
        cache_control: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> None:
        self._request = request
        self._workspace_id = principal.workspace_id
        self._services = services
        self._fresh = "no-cache" in cache_control.lower()

    async def read(self, provider: str, operation: AnyOperation) -> JSONResponse:
        """Return the provider's answer, with how long it may be kept and where it goes on."""
        integration = await configured(self._services, self._workspace_id, provider)
        answer = await self._services.providers.call(integration, operation, fresh=self._fresh)
        return JSONResponse(answer.document, headers=self._headers(answer))

    def _headers(self, answer: ProviderAnswer) -> dict[str, str]:
        headers = {"cache-control": f"private, max-age={answer.max_age}", "vary": "x-org-id, x-api-key, authorization"}
        if answer.next_cursor is not None:
            kept = [pair for pair in self._request.query_params.multi_items() if pair[0] != "cursor"]
            query = urlencode([*kept, ("cursor", answer.next_cursor)])
            headers["link"] = f'<{self._request.url.path}?{query}>; rel="next"'
        return headers


CallerDep = Annotated[Caller, Depends()]


async def configured(services: Services, workspace_id: str, provider: str) -> Integration:
    """Return the integration that surface C means by `provider`. Raises NotConfiguredError."""
    found = await reading.integrations(services.registry, workspace_id, limit=MOST, where={"provider": provider})
    integration = surface_c.meant(provider, found.items)
    if integration is None or not surface_c.is_configured(integration):
        raise NotConfiguredError(provider)
    return integration


def build_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["C: organization"], route_class=JsonRoute, responses=_UPSTREAM)
    _pagerduty(router)
    _linear(router)
    _sentry(router)
    return router


def _pagerduty(router: APIRouter) -> None:
    @router.get("/api/integrations/pagerduty/oncall", operation_id="getOnCall", response_model=documents.OnCallResponse)
    async def oncall(caller: CallerDep) -> JSONResponse:
        """Retrieve who is on call now for the configured PagerDuty service."""
        return await caller.read("pagerduty", WhoIsOnCall())

    @router.get(
        "/api/integrations/pagerduty/incidents",
        operation_id="listIncidents",
        response_model=documents.IncidentsResponse,
    )
    async def incidents(
        caller: CallerDep,
        status: Annotated[str, Query(max_length=64, description="Comma-separated statuses")] = "triggered,acknowledged",
        limit: Limit = 25,
        cursor: Cursor = None,
    ) -> JSONResponse:
        """Retrieve PagerDuty incidents, newest first; the open ones by default."""
        operation = ListIncidents(statuses=_statuses(status), limit=limit, cursor=cursor)
        return await caller.read("pagerduty", operation)

    @router.post(
        "/api/integrations/pagerduty/incidents/{incident_id}/acknowledge",
        operation_id="acknowledgeIncident",
        response_model=documents.AcknowledgeResponse,
    )
    async def acknowledge(
        incident_id: Annotated[str, Path(min_length=1, max_length=512)],
        principal: Annotated[Principal, Depends(may("integration.edit"))],
        services: ServicesDep,
        body: documents.AcknowledgeRequest | None = None,
    ) -> JSONResponse:
        """Acknowledge a PagerDuty incident, and note there who did. Acknowledging again changes nothing."""
        integration = await configured(services, principal.workspace_id, "pagerduty")
        by = (body.acknowledgedBy if body else None) or principal.user_id
        operation = AcknowledgeIncident(incident_id=incident_id, acknowledged_by=by)
        answer = await services.providers.call(integration, operation, is_write=True)
        return JSONResponse(answer.document)


def _statuses(given: str) -> list[Any]:
    wanted = [part.strip().lower() for part in given.split(",") if part.strip()]
    if not wanted or set(wanted) - set(STATUSES):
        raise RequestInvalidError.of(("query", "status"), f"must list some of {', '.join(STATUSES)}")
    return list(dict.fromkeys(wanted))


def _linear(router: APIRouter) -> None:
    @router.get("/api/integrations/linear/teams", operation_id="listTeams", response_model=documents.TeamsResponse)
    async def teams(caller: CallerDep) -> JSONResponse:
        """Retrieve the Linear teams that the integration sees."""
        return await caller.read("linear", ListTeams())

    @router.get(
        "/api/integrations/linear/issues", operation_id="listIssues", response_model=documents.LinearIssuesResponse
    )
    async def issues(
        caller: CallerDep,
        *,
        team: Text = None,
        status: Text = None,
        assignee: Text = None,
        limit: Limit = 25,
        cursor: Cursor = None,
    ) -> JSONResponse:
        """Retrieve Linear issues, newest first: by team ID, by status, by assignee ID."""
        operation = ListLinearIssues(team=team, status=status, assignee=assignee, limit=limit, cursor=cursor)
        return await caller.read("linear", operation)

    @router.post("/api/integrations/linear/issues", operation_id="createIssue", response_model=documents.IssueResponse)
    async def create_issue(
        body: documents.IssueRequest,
        principal: Annotated[Principal, Depends(may("integration.edit"))],
        intent: IntentDep,
        services: ServicesDep,
    ) -> JSONResponse:
        """Create a Linear issue; under an `Idempotency-Key`, once."""
        integration = await configured(services, principal.workspace_id, "linear")
        operation = CreateLinearIssue(
            request_id=intent.command_id,
            title=body.title,
            team_id=body.teamId,
            description=body.description,
            priority=body.priority,
            labels=body.labels,
        )
        answer = await services.providers.call(integration, operation, is_write=True)
        return JSONResponse(answer.document)


def _sentry(router: APIRouter) -> None:
    @router.get(
        "/api/observability/sentry",
        operation_id="getSentryIssues",
        response_model=documents.SentryIssuesResponse,
    )
    async def issues(
        caller: CallerDep,
        project: Text = None,
        query: Annotated[str, Query(max_length=LONGEST_QUERY, description="Sentry search query")] = "is:unresolved",
        limit: Limit = 25,
        cursor: Cursor = None,
    ) -> JSONResponse:
        """Retrieve Sentry issues, those seen last first; the unresolved ones by default."""
        operation = ListSentryIssues(project=project, query=query, limit=limit, cursor=cursor)
        return await caller.read("sentry", operation)
