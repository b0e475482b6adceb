"""The sync worker's internal HTTP interface for calls to providers, as the gateway calls it.

The gateway faces the internet and can only seal secrets, so the sync worker makes the calls that need them. Every call
proves itself with the shared service token; what goes wrong comes back as a `Fault`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Annotated, Any, Literal, Self

import httpx2
from opentelemetry.trace import SpanKind
from pydantic import Field, ValidationError

from tieline.contracts.base import Contract, JsonObject, WorkspaceId
from tieline.errors import TielineError
from tieline.observability.tracing import span, trace_headers
from tieline.settings import InternalSettings
from tieline.sync_client import SyncWorkerUnavailableError

CALL_PATH = "/internal/providers/call"
HEALTH_PATH = "/internal/providers/health"
NOTES_PATH = "/internal/providers/notes"
RUN_ENDPOINT_PATH = "/internal/endpoints/run"

MOST_CONNECTIONS = 128
LONGEST_LIST = 1000
LONGEST_TEXT = 512
LONGEST_NOTE = 300
MOST_NOTES = 100
CALL_TIMEOUT = timedelta(seconds=30)  # the worker gives up on a provider after a third of it
RUN_TIMEOUT = timedelta(seconds=90)  # retries and their waits included; the worker's own limit is a minute
HEALTH_TIMEOUT = timedelta(seconds=1)

ShortText = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Limit = Annotated[int, Field(ge=1, le=LONGEST_LIST)]
IncidentStatus = Literal["triggered", "acknowledged", "resolved"]


class WhoIsOnCall(Contract):
    """Who is on call for the configured PagerDuty service."""

    operation: Literal["pagerduty.oncall"] = "pagerduty.oncall"


class ListIncidents(Contract):
    """PagerDuty's incidents in some states, newest first."""

    operation: Literal["pagerduty.incidents"] = "pagerduty.incidents"
    statuses: list[IncidentStatus] = Field(min_length=1)
    limit: Limit
    cursor: ShortText | None = None


class AcknowledgeIncident(Contract):
    """Acknowledge a PagerDuty incident and note who asked for it."""

    operation: Literal["pagerduty.acknowledge"] = "pagerduty.acknowledge"
    incident_id: ShortText
    acknowledged_by: ShortText


class ListTeams(Contract):
    """Linear's teams."""

    operation: Literal["linear.teams"] = "linear.teams"


class ListLinearIssues(Contract):
    """Linear's issues, newest first, those that match all that is given."""

    operation: Literal["linear.issues"] = "linear.issues"
    team: ShortText | None = None
    status: ShortText | None = None
    assignee: ShortText | None = None
    limit: Limit
    cursor: ShortText | None = None


class CreateLinearIssue(Contract):
    """Create an issue in Linear. The same `request_id` again creates nothing and answers the same."""

    operation: Literal["linear.create_issue"] = "linear.create_issue"
    request_id: ShortText
    title: str = Field(min_length=1, max_length=1024)
    team_id: ShortText
    description: str | None = None
    priority: int | None = Field(default=None, ge=0, le=4)
    labels: list[Annotated[str, Field(min_length=1, max_length=128)]] = Field(default_factory=list, max_length=50)


class ListSentryIssues(Contract):
    """Sentry's issues that match a query, the latest first."""

    operation: Literal["sentry.issues"] = "sentry.issues"
    project: ShortText | None = None
    query: str = Field(max_length=2048)
    limit: Limit
    cursor: ShortText | None = None


AnyOperation = Annotated[
    WhoIsOnCall
    | ListIncidents
    | AcknowledgeIncident
    | ListTeams
    | ListLinearIssues
    | CreateLinearIssue
    | ListSentryIssues,
    Field(discriminator="operation"),
]


class ProviderCall(Contract):
    """One operation with the credentials of one integration. `fresh` takes no answer from a cache."""

    workspace_id: WorkspaceId
    integration_id: str
    revision: int
    operation: AnyOperation
    fresh: bool = False


class ProviderAnswer(Contract):
    """The documented answer. `next_cursor` asks for what follows; `max_age` is how many seconds it may be kept."""

    document: JsonObject
    next_cursor: str | None = None
    max_age: int = 0


class EndpointCall(Contract):
    """One run of an endpoint. The same `idempotency_key` makes it the same call for the endpoint's server."""

    workspace_id: WorkspaceId
    integration_id: str
    endpoint: str
    params: JsonObject = Field(default_factory=dict)
    idempotency_key: str | None = None


class EndpointRun(Contract):
    """What every stage of a run made of the answer; a stage that was not reached is None."""

    status_code: int | None = None
    duration_ms: float = 0
    retries: int = 0
    raw_response: Any = None
    after_filter: Any = None
    after_mapping: Any = None
    final_result: str | None = None
    error: str | None = None


class CallNote(Contract):
    """How the last call that another service made with an integration went; `error` holds nothing secret.

    `refused`: its credentials were. `revision` is the integration's that was called with.
    """

    workspace_id: WorkspaceId
    integration_id: str
    revision: int
    error: str | None = Field(default=None, max_length=LONGEST_NOTE)
    refused: bool = False


class CallNotes(Contract):
    """What one replica has noted since it told last."""

    items: list[CallNote] = Field(max_length=MOST_NOTES)


class Noted(Contract):
    """The notes are taken down."""


class HealthQuestion(Contract):
    """Whose integrations are asked about."""

    workspace_id: WorkspaceId


class LastError(Contract):
    """The last call that failed; `message` holds nothing secret."""

    at: datetime
    message: str


class ProviderHealth(Contract):
    """How calls with one integration's credentials went.

    `credentials_failed_at` is set while the provider refuses the credentials. `breaker` is `open` while calls are not
    even tried, because many in a row failed. `revision` is the integration's that was called with last.
    """

    integration_id: str
    revision: int
    last_success_at: datetime | None = None
    last_error: LastError | None = None
    breaker: Literal["closed", "open"] = "closed"
    credentials_failed_at: datetime | None = None


class WorkspaceHealth(Contract):
    """The integrations of a workspace that were called with."""

    items: list[ProviderHealth]


class Problem(Contract):
    """One wrong parameter: its place below the parameters, and what is wrong."""

    path: list[str | int]
    message: str


class Fault(Contract):
    """Why there is no answer. `retry_after` is in seconds; nothing in it is secret."""

    kind: Literal["not_configured", "not_found", "invalid", "upstream", "rate_limited", "unavailable"]
    summary: str
    details: str | None = None
    retry_after: float | None = None
    problems: list[Problem] = Field(default_factory=list)


class ProviderFaultError(TielineError):
    """The sync worker says why there is no answer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.summary)
        self.fault = fault


class ProviderClient:
    """Connections to the sync worker. Use as an async context manager.

    Runs of endpoints, which may take a minute each, have a pool of their own, so that they hold up no other call.
    """

    def __init__(self, settings: InternalSettings) -> None:
        self._calls = _pool(settings)
        self._runs = _pool(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._calls.aclose()
        await self._runs.aclose()

    async def call(self, call: ProviderCall) -> ProviderAnswer:
        """Return a provider's answer. Raises ProviderFaultError, SyncWorkerUnavailableError."""
        return ProviderAnswer.model_validate(await _post(self._calls, CALL_PATH, call, CALL_TIMEOUT))

    async def run_endpoint(self, call: EndpointCall) -> EndpointRun:
        """Run an endpoint and return its stages. Raises ProviderFaultError, SyncWorkerUnavailableError."""
        return EndpointRun.model_validate(await _post(self._runs, RUN_ENDPOINT_PATH, call, RUN_TIMEOUT))

    async def note(self, notes: CallNotes) -> None:
        """Have the health of integrations tell of calls of one's own; harmless to repeat.

        Raises SyncWorkerUnavailableError, ProviderFaultError.
        """
        await _post(self._calls, NOTES_PATH, notes, CALL_TIMEOUT)

    async def health(self, workspace_id: str) -> Mapping[str, ProviderHealth]:
        """Return how calls went, by integration id. Raises SyncWorkerUnavailableError within a second."""
        found = await _post(self._calls, HEALTH_PATH, HealthQuestion(workspace_id=workspace_id), HEALTH_TIMEOUT)
        return {one.integration_id: one for one in WorkspaceHealth.model_validate(found).items}


def _pool(settings: InternalSettings) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=settings.sync_worker_url,
        headers={"authorization": f"Bearer {settings.tokens.sent}"},
        timeout=httpx2.Timeout(CALL_TIMEOUT.total_seconds(), connect=settings.timeout.total_seconds()),
        limits=httpx2.Limits(max_connections=MOST_CONNECTIONS),
        trust_env=False,
    )


async def _post(http: httpx2.AsyncClient, path: str, body: Contract, limit: timedelta) -> Any:
    with span(f"POST {path}", SpanKind.CLIENT, http__request__method="POST"):
        try:
            answer = await http.post(
                path,
                content=body.to_json(),
                headers={"content-type": "application/json", **trace_headers()},
                timeout=limit.total_seconds(),
            )
        except httpx2.HTTPError as error:
            raise SyncWorkerUnavailableError(f"the sync worker did not answer: {type(error).__name__}") from error
    try:
        document = answer.json()
        if answer.status_code == httpx2.codes.OK:
            return document
        fault = Fault.model_validate(document)
    except (ValueError, ValidationError) as error:
        raise SyncWorkerUnavailableError(f"the sync worker answered {answer.status_code}") from error
    raise ProviderFaultError(fault)
