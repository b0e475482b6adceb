"""Token endpoints, over the same checked transport as every other call."""

from datetime import timedelta
from typing import Any

from tieline.clock import Clock
from tieline.outgoing import Answer, HostClients, OutgoingError, ResponseUnreadableError

from tieline_sync.adapters.providers.failures import upstream
from tieline_sync.domain.providers.errors import CredentialsRefusedError, RateLimitedError, UpstreamError
from tieline_sync.domain.providers.limits import wait_of
from tieline_sync.domain.providers.tokens import TokenRequest, refusal_of

LARGEST_ANSWER = 1_048_576
REFUSALS = frozenset({400, 401, 403})


class HttpTokenEndpoint:
    """Asks for tokens. What an endpoint says is not repeated, but for OAuth's own error codes."""

    def __init__(self, http: HostClients, clock: Clock, *, timeout: timedelta) -> None:
        self._http = http
        self._clock = clock
        self._timeout = timeout

    async def ask(self, request: TokenRequest) -> Any:
        """Return the JSON of a 2xx answer. Raises UpstreamError, RateLimitedError, CredentialsRefusedError."""
        try:
            answer = await self._http.call(
                "POST",
                request.url,
                headers=request.headers,
                form=request.form,
                json=request.json,
                timeout=self._timeout,
                most_bytes=LARGEST_ANSWER,
            )
        except OutgoingError as error:
            raise UpstreamError(f"No token: {upstream(error).details}") from error
        if answer.status == 429:
            raise RateLimitedError(wait_of(answer.headers, self._clock()))
        if answer.status in REFUSALS:
            code = _code(answer)
            said = f"HTTP {answer.status}" + (f", {code}" if code else "")
            raise CredentialsRefusedError(f"The token endpoint refuses the credentials ({said})")
        if not 200 <= answer.status < 300:
            raise UpstreamError(f"The token endpoint answered HTTP {answer.status}")
        try:
            return answer.json()
        except ResponseUnreadableError as error:
            raise UpstreamError("The token endpoint's answer is not valid JSON") from error


def _code(answer: Answer) -> str | None:
    try:
        return refusal_of(answer.json())
    except ResponseUnreadableError:
        return None
