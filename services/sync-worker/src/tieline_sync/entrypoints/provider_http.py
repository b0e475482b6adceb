"""The internal HTTP interface for calls to providers, for services that know the shared token.

Every call is a POST with a JSON body, as `tieline.provider_client` sends it. 200 carries what was asked for; anything
else a `Fault`: 400 what is not configured or not valid, 404 what is not there, 429 and 502 what the provider did, 503
what is away on our side, 401 without the token.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tieline.contracts.base import Contract
from tieline.errors import TielineError, TransientError
from tieline.provider_client import (
    CALL_PATH,
    HEALTH_PATH,
    NOTES_PATH,
    RUN_ENDPOINT_PATH,
    CallNotes,
    EndpointCall,
    Fault,
    HealthQuestion,
    LastError,
    Problem,
    ProviderCall,
    ProviderHealth,
    WorkspaceHealth,
)
from tieline.registry_client import RegistryRefusedError
from tieline.service_tokens import ServiceTokens

from tieline_sync.domain.providers import errors
from tieline_sync.domain.providers.health import Health
from tieline_sync.handlers.note_calls import NoteCalls
from tieline_sync.handlers.provider_calls import ProviderCalls
from tieline_sync.handlers.read_health import ReadHealth
from tieline_sync.handlers.run_endpoint import RunEndpoint

QuestionT = TypeVar("QuestionT", bound=Contract)
STATUSES = {"not_configured": 400, "invalid": 400, "not_found": 404, "rate_limited": 429, "upstream": 502}

log = logging.getLogger(__name__)


class ProviderHttp:
    """Answers the other services."""

    def __init__(
        self,
        *,
        calls: ProviderCalls,
        run_endpoint: RunEndpoint,
        health: ReadHealth,
        note_calls: NoteCalls,
        tokens: ServiceTokens,
        max_body_bytes: int,
    ) -> None:
        self._calls = calls
        self._run_endpoint = run_endpoint
        self._health = health
        self._note_calls = note_calls
        self._tokens = tokens
        self._max_body_bytes = max_body_bytes

    def routes(self) -> list[Route]:
        """Return one route per question."""
        return [
            self._route(CALL_PATH, ProviderCall, self._calls),
            self._route(RUN_ENDPOINT_PATH, EndpointCall, self._run_endpoint),
            self._route(HEALTH_PATH, HealthQuestion, self._of_workspace),
            self._route(NOTES_PATH, CallNotes, self._note_calls),
        ]

    async def _of_workspace(self, asked: HealthQuestion) -> WorkspaceHealth:
        found = await self._health(asked.workspace_id)
        return WorkspaceHealth(items=[_shown(health, is_open=is_open) for health, is_open in found])

    def _route(self, path: str, question: type[QuestionT], answer: Callable[[QuestionT], Awaitable[Contract]]) -> Route:
        async def endpoint(request: Request) -> Response:
            if not self._tokens.prove(request.headers.get("authorization", "")):
                return _faulty(Fault(kind="unavailable", summary="the service token is missing or wrong"), 401)
            body = await self._body(request)
            if body is None:
                summary = f"a body has {self._max_body_bytes} bytes at most"
                return _faulty(Fault(kind="invalid", summary=summary), 413)
            try:
                found = await answer(question.model_validate_json(body))
            except ValidationError as error:
                wrong = error.errors(include_url=False, include_input=False, include_context=False)
                problems = [Problem(path=list(one["loc"]), message=one["msg"]) for one in wrong]
                return _faulty(Fault(kind="invalid", summary="not as agreed", problems=problems))
            except (errors.ProviderCallError, TransientError, RegistryRefusedError) as error:
                return _faulty(_fault(error))
            return Response(found.to_json(), media_type="application/json")

        return Route(path, endpoint, methods=["POST"])

    async def _body(self, request: Request) -> bytes | None:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                return None
        return bytes(body)


def _fault(error: TielineError) -> Fault:
    match error:
        case errors.NotConfiguredError():
            return Fault(kind="not_configured", summary="not configured", details=str(error))
        case errors.CallInputError(problems=problems):
            listed = [Problem(path=list(problem.path), message=problem.message) for problem in problems]
            return Fault(kind="invalid", summary="the parameters are not valid", problems=listed)
        case errors.UnknownError(what=what):
            return Fault(kind="not_found", summary=what)
        case errors.UpstreamError(details=details, retry_after=wait):
            seconds = None if wait is None else max(wait.total_seconds(), 0.0)
            kind = "rate_limited" if isinstance(error, errors.RateLimitedError) else "upstream"
            return Fault(kind=kind, summary="no answer from the provider", details=details, retry_after=seconds)
        case _:
            log.warning("a call to a provider waits for a dependency", extra={"reason": str(error)})
            return Fault(kind="unavailable", summary=str(error))


def _faulty(fault: Fault, status: int | None = None) -> Response:
    status = status or STATUSES.get(fault.kind, 503)
    return Response(fault.to_json(), status_code=status, media_type="application/json")


def _shown(health: Health, *, is_open: bool) -> ProviderHealth:
    error = None
    if health.last_error_at is not None:
        error = LastError(at=health.last_error_at, message=health.last_error or "")
    return ProviderHealth(
        integration_id=health.integration_id,
        revision=health.revision,
        last_success_at=health.last_success_at,
        last_error=error,
        breaker="open" if is_open else "closed",
        credentials_failed_at=health.credentials_failed_at,
    )
