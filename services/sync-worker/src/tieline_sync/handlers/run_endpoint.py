"""Surface E's endpoints: one run from parameters to result, with what every stage made of it."""

from collections.abc import Callable, Mapping
from typing import Any

from tieline.provider_client import EndpointCall, EndpointRun

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.pipeline.answers import shown, value_of
from tieline_sync.domain.pipeline.endpoint import Endpoint, endpoint_of
from tieline_sync.domain.pipeline.request import request_of
from tieline_sync.domain.providers.authorization_code import OAuthApp
from tieline_sync.domain.providers.credentials import credential_of
from tieline_sync.domain.providers.errors import (
    CallInputError,
    NotConfiguredError,
    ProviderCallError,
    UnknownError,
    UpstreamError,
)
from tieline_sync.domain.providers.scrubbing import Scrubber
from tieline_sync.handlers.endpoint_calls import EndpointCalls, Tries
from tieline_sync.handlers.provider_ports import Evaluator, Naming
from tieline_sync.ports import Integrations


class RunEndpoint:
    """Runs endpoints."""

    def __init__(
        self,
        *,
        integrations: Integrations,
        calls: EndpointCalls,
        evaluator: Evaluator,
        naming: Naming,
        apps: Mapping[str, OAuthApp],
        new_id: Callable[[], str],
    ) -> None:
        self._integrations = integrations
        self._calls = calls
        self._evaluator = evaluator
        self._naming = naming
        self._apps = apps
        self._new_id = new_id

    async def __call__(self, call: EndpointCall) -> EndpointRun:
        """Return what came of a run; what went wrong with the call is told in `error`.

        Raises UnknownError for an integration or endpoint that is not there, CallInputError for parameters that the
        endpoint does not take (then nothing was sent), and the TransientErrors of what the worker itself needs.
        """
        facts = await self._integrations.find(call.workspace_id, call.integration_id)
        if facts is None:
            raise UnknownError("integration")
        stored = next((one for one in facts.integration.endpoints if one.get("name") == call.endpoint), None)
        if stored is None:
            raise UnknownError("endpoint")
        try:
            return await self._run(facts, endpoint_of(stored), call)
        except (NotConfiguredError, UpstreamError) as error:
            return EndpointRun(error=Scrubber(facts.secrets.values()).text(str(error)))

    async def _run(self, facts: Facts, endpoint: Endpoint, call: EndpointCall) -> EndpointRun:
        problems = await self._evaluator.check(endpoint.input_schema, call.params, whose=call.workspace_id)
        if problems:
            raise CallInputError(problems)
        credential = credential_of(facts, apps=self._apps, params=call.params)
        request = request_of(
            endpoint,
            base_url=facts.find("config.base_url", "config.url") or "",
            params=call.params,
            consumed=credential.consumed if credential else frozenset(),
            unique=self._unique(call),
        )
        tries = await self._calls.send(facts.integration, endpoint, request, credential)
        secrets = [*facts.secrets.values(), *tries.secrets]
        return await self._told(endpoint, tries, Scrubber(secrets), whose=call.workspace_id)

    def _unique(self, call: EndpointCall) -> str:
        if call.idempotency_key is None:
            return self._new_id()
        return self._naming.name(call.workspace_id, call.integration_id, call.endpoint, call.idempotency_key)[:32]

    async def _told(self, endpoint: Endpoint, tries: Tries, scrubber: Scrubber, *, whose: str) -> EndpointRun:
        answer = tries.answer
        run = EndpointRun(
            status_code=answer.status if answer else None,
            duration_ms=round(tries.seconds * 1000, 3),
            retries=tries.retries,
            error=scrubber.text(tries.error.details) if tries.error else None,
        )
        if answer is None:
            return run
        try:
            value = value_of(answer.body, content_type=answer.content_type, scrubber=scrubber)
        except ProviderCallError as error:
            return run.model_copy(update={"error": str(error)})
        raw: dict[str, Any] = {"raw_response": shown(value)}
        if not 200 <= answer.status < 300:
            return run.model_copy(update={**raw, "error": f"HTTP {answer.status}"})
        stages = await self._evaluator.respond(value, endpoint.answer_stages(), whose=whose)
        return run.model_copy(
            update={
                **raw,
                "after_filter": shown(stages["after_filter"]),
                "after_mapping": shown(stages["after_mapping"]),
                "final_result": stages["final_result"],
                "error": stages["error"],
            }
        )
