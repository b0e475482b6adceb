"""Calls of endpoints: with the integration's credentials, again where they may be, what came of them noted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tieline.contracts.integrations import Integration

from tieline_sync.domain.pipeline.endpoint import Endpoint
from tieline_sync.domain.pipeline.request import Request
from tieline_sync.domain.pipeline.retries import may_repeat, wait_before
from tieline_sync.domain.providers.credentials import Credential
from tieline_sync.domain.providers.errors import CredentialsRefusedError, UpstreamError
from tieline_sync.domain.providers.tokens import Token
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.provider_ports import EndpointServer, ServerAnswer
from tieline_sync.handlers.tokens import Tokens

LONGEST_RUN = timedelta(seconds=60)
"""All tries of a run and the waits between them."""


@dataclass(slots=True)
class Tries:
    """How a run's calls went. `secrets` are the tokens that were used."""

    retries: int = 0
    seconds: float = 0.0
    answer: ServerAnswer | None = None
    error: UpstreamError | None = None
    secrets: list[str] = field(default_factory=list, repr=False)


class EndpointCalls:
    """Makes calls. `monotonic` gives seconds, `chance` a number from 0 to 1; `timeout` bounds one try."""

    def __init__(
        self,
        *,
        server: EndpointServer,
        tokens: Tokens,
        health: HealthLog,
        timeout: timedelta,
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._server = server
        self._tokens = tokens
        self._health = health
        self._timeout = timeout
        self._monotonic = monotonic
        self._chance = chance

    async def send(
        self, integration: Integration, endpoint: Endpoint, request: Request, credential: Credential | None
    ) -> Tries:
        """Make the call, again where it may be; a token that is refused is renewed once.

        What goes wrong with a call is told in what is returned. Raises UpstreamError and its subclasses before any is
        made: no token could be got, or the integration's server is left alone for a while.
        """
        self._health.admit(integration.workspace_id, integration.id, integration.revision)
        tries, started = Tries(), self._monotonic()
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
        self, integration: Integration, credential: Credential | None, tries: Tries, *, refused: Token | None = None
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

    async def _try(self, request: Request, proof: tuple[str, str] | None, tries: Tries, *, limit: timedelta) -> None:
        tries.answer = tries.error = None
        try:
            tries.answer = await self._server.send(request, proof=proof, limit=limit)
        except UpstreamError as error:
            tries.error = error

    def _wait(self, endpoint: Endpoint, request: Request, tries: Tries) -> timedelta | None:
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

    def _note(self, integration: Integration, credential: Credential | None, tries: Tries) -> None:
        if tries.error is not None:
            self._health.note_failure(integration, tries.error)
        elif tries.answer is not None and tries.answer.status == 401 and credential is not None:
            self._health.note_failure(integration, CredentialsRefusedError("HTTP 401"))
        elif tries.answer is not None and tries.answer.status >= 500:
            self._health.note_failure(integration, UpstreamError(f"HTTP {tries.answer.status}"))
        else:
            self._health.note_success(integration)


def _proof(credential: Credential | None, token: Token | None) -> tuple[str, str] | None:
    if credential is None:
        return None
    return credential.header, credential.prefix + (token.value if token else credential.value or "")
