"""Surface E's endpoints: one run from parameters to result, with what every stage made of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tieline.contracts.integrations import Integration
from tieline.provider_client import EndpointCall, EndpointRun

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.pipeline.answers import shown, value_of
from tieline_sync.domain.pipeline.endpoint import Endpoint, endpoint_of
from tieline_sync.domain.pipeline.request import Request, request_of
from tieline_sync.domain.pipeline.retries import may_repeat, wait_before
from tieline_sync.domain.providers.authorization_code import OAuthApp
from tieline_sync.domain.providers.credentials import Credential, credential_of
from tieline_sync.domain.providers.errors import (
    CallInputError,
    CredentialsRefusedError,
    NotConfiguredError,
    ProviderCallError,
    UnknownError,
    UpstreamError,
)
from tieline_sync.domain.providers.scrubbing import Scrubber
from tieline_sync.domain.providers.tokens import Token
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.provider_ports import EndpointServer, Evaluator, Naming, ServerAnswer
from tieline_sync.handlers.tokens import Tokens
from tieline_sync.ports import Integrations

LONGEST_RUN = timedelta(seconds=60)
"""All tries of a run and the waits between them."""


@dataclass(slots=True)
class _Tries:
    """How a run's calls went. `secrets` are the tokens that were used."""

    retries: int = 0
    seconds: float = 0.0
    answer: ServerAnswer | None = None
    error: UpstreamError | None = None
    secrets: list[str] = field(default_factory=list, repr=False)


class RunEndpoint:
    """Runs endpoints. `monotonic` gives seconds, `chance` a number from 0 to 1."""

    def __init__(
        self,
        *,
        integrations: Integrations,
        server: EndpointServer,
        evaluator: Evaluator,
        tokens: Tokens,
        health: HealthLog,
        naming: Naming,
        apps: Mapping[str, OAuthApp],
        timeout: timedelta,
        new_id: Callable[[], str],
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._integrations = integrations
        self._server = server
        self._evaluator = evaluator
        self._tokens = tokens
        self._health = health
        self._naming = naming
        self._apps = apps
        self._timeout = timeout
        self._new_id = new_id
        self._monotonic = monotonic
        self._chance = chance

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
        problems = await self._evaluator.check(endpoint.input_schema, call.params)
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
        tries = await self._sent(facts.integration, endpoint, request, credential)
        secrets = [*facts.secrets.values(), *tries.secrets]
        return await self._told(endpoint, tries, Scrubber(secrets))

    def _unique(self, call: EndpointCall) -> str:
        if call.idempotency_key is None:
            return self._new_id()
        return self._naming.name(call.workspace_id, call.integration_id, call.endpoint, call.idempotency_key)[:32]

    async def _sent(
        self, integration: Integration, endpoint: Endpoint, request: Request, credential: Credential | None
    ) -> _Tries:
        """Make the call, again where it may be; a token that is refused is renewed once."""
        tries, started = _Tries(), self._monotonic()
        token = await self._token(integration, credential, tries)
        is_renewed = False
        while True:
            left = LONGEST_RUN - timedelta(seconds=self._monotonic() - started)
            await self._try(request, _proof(credential, token), tries, limit=min(self._timeout, left))
            tries.seconds = self._monotonic() - started
            if tries.answer is not None and tries.answer.status == 401 and token is not None and not is_renewed:
                token, is_renewed = await self._token(integration, credential, tries, refused=token), True
                continue
            wait = self._wait(endpoint, request, tries)
            if wait is None or timedelta(seconds=tries.seconds) + wait >= LONGEST_RUN:
                self._note(integration, credential, tries)
                return tries
            await asyncio.sleep(wait.total_seconds())
            tries.retries += 1

    async def _token(
        self, integration: Integration, credential: Credential | None, tries: _Tries, *, refused: Token | None = None
    ) -> Token | None:
        if credential is None or credential.grant is None:
            tries.secrets += [credential.value] if credential and credential.value else []
            return None
        try:
            token = await self._tokens.get(integration, credential.grant, refused=refused)
        except CredentialsRefusedError as error:
            self._health.note_failure(integration, error)
            raise
        tries.secrets.append(token.value)
        return token

    async def _try(self, request: Request, proof: tuple[str, str] | None, tries: _Tries, *, limit: timedelta) -> None:
        tries.answer = tries.error = None
        try:
            tries.answer = await self._server.send(request, proof=proof, limit=limit)
        except UpstreamError as error:
            tries.error = error

    def _wait(self, endpoint: Endpoint, request: Request, tries: _Tries) -> timedelta | None:
        """Return the wait before the next try, None when there is none."""
        status = tries.answer.status if tries.answer else None
        if tries.error is not None and not tries.error.is_outage:
            return None  # our request is at fault, and would be again
        if status is not None and status < 400:
            return None
        sent = tries.error.sent if tries.error else True
        may = may_repeat(endpoint, names_itself=request.names_itself, status=status, sent=sent)
        if not may or tries.retries >= endpoint.max_retries:
            return None
        asked = tries.answer.asked if tries.answer else None
        return wait_before(tries.retries + 1, asked=asked, jitter=self._chance())

    def _note(self, integration: Integration, credential: Credential | None, tries: _Tries) -> None:
        if tries.error is not None:
            self._health.note_failure(integration, tries.error)
        elif tries.answer is not None and tries.answer.status == 401 and credential is not None:
            self._health.note_failure(integration, CredentialsRefusedError("HTTP 401"))
        elif tries.answer is not None and tries.answer.status >= 500:
            self._health.note_failure(integration, UpstreamError(f"HTTP {tries.answer.status}"))
        else:
            self._health.note_success(integration)

    async def _told(self, endpoint: Endpoint, tries: _Tries, scrubber: Scrubber) -> EndpointRun:
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
        stages = await self._evaluator.respond(value, endpoint.answer_stages())
        return run.model_copy(
            update={
                **raw,
                "after_filter": shown(stages["after_filter"]),
                "after_mapping": shown(stages["after_mapping"]),
                "final_result": stages["final_result"],
                "error": stages["error"],
            }
        )


def _proof(credential: Credential | None, token: Token | None) -> tuple[str, str] | None:
    if credential is None:
        return None
    return credential.header, credential.prefix + (token.value if token else credential.value or "")
