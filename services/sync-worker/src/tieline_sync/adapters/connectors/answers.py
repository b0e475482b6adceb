"""What a provider's answers mean: usable, come back later, or somebody has to change something."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from tieline.clock import Clock
from tieline.outgoing import (
    AddressRefusedError,
    Answer,
    CallFailedError,
    CallTimedOutError,
    OutgoingClient,
    ResponseTooLargeError,
)

from tieline_sync.domain.errors import (
    ProviderCredentialsError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderUnavailableError,
)

DEFAULT_RETRY_AFTER = timedelta(seconds=30)  # for a 429 that does not say

Describe = Callable[[Answer], str]


class Provider:
    """Calls one provider and tells usable answers from others."""

    def __init__(self, http: OutgoingClient, clock: Clock, *, service: str, describe: Describe) -> None:
        self._http = http
        self._clock = clock
        self._service = service
        self._describe = describe

    async def call(self, method: str, url: str, **arguments: Any) -> Answer:
        """Return a 2xx answer; other arguments as `OutgoingClient.call`.

        Raises ProviderUnavailableError, ProviderRateLimitedError, ProviderRefusedError.
        """
        answer = await self.call_any(method, url, **arguments)
        self.check(answer)
        return answer

    async def call_any(self, method: str, url: str, **arguments: Any) -> Answer:
        """Return the answer whatever its status. Raises ProviderUnavailableError, ProviderRefusedError."""
        try:
            return await self._http.call(method, url, **arguments)
        except CallTimedOutError as error:
            raise ProviderUnavailableError("Connection timeout") from error
        except CallFailedError as error:
            raise ProviderUnavailableError(f"Connection failed ({error})") from error
        except (AddressRefusedError, ResponseTooLargeError) as error:
            raise ProviderRefusedError(str(error)) from error

    def check(self, answer: Answer) -> None:
        """Raise what an answer other than 2xx means."""
        if 200 <= answer.status < 300:
            return
        if answer.status == 429 or is_rate_limited(answer):
            raise ProviderRateLimitedError(self._service, retry_after(answer, self._clock()))
        said = self._describe(answer)
        told = f"HTTP {answer.status}" + (f" ({said})" if said else "")
        if answer.status >= 500 or answer.status == 408:
            raise ProviderUnavailableError(told)
        refused = ProviderCredentialsError if answer.status == 401 else ProviderRefusedError
        raise refused(f"{told}. {_what_to_do(answer.status)}")


def is_rate_limited(answer: Answer) -> bool:
    """Say whether a 403 means a rate limit, as GitHub answers it."""
    return answer.status == 403 and (
        answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    )


def _what_to_do(status: int) -> str:
    if status == 401:
        return "Check this integration's credentials"
    if status == 403:
        return "Give this integration's account the right to read these records"
    if status == 404:
        return "Check the integration's address"
    if 300 <= status < 400:
        return "The address redirects elsewhere; configure the address it leads to"
    return "Check the integration's configuration"


def retry_after(answer: Answer, now: datetime) -> timedelta:
    """Return how long to wait: `Retry-After` in seconds or as a date, else a rate limit's reset, else 30 s."""
    text = answer.headers.get("retry-after", "").strip()
    if text.replace(".", "", 1).isdigit():
        return timedelta(seconds=float(text))
    if text:
        try:
            return max(parsedate_to_datetime(text).astimezone(UTC) - now, timedelta())
        except (TypeError, ValueError):
            return DEFAULT_RETRY_AFTER
    reset = answer.headers.get("x-ratelimit-reset", "")
    if reset.isdigit():
        return max(datetime.fromtimestamp(int(reset), UTC) - now, timedelta(seconds=1))
    return DEFAULT_RETRY_AFTER


def json_object(answer: Answer) -> Mapping[str, Any]:
    """Return the answer's JSON object. Raises ProviderUnavailableError for anything else: it was cut off."""
    document = json_value(answer.body)
    if not isinstance(document, dict):
        raise ProviderUnavailableError("Unreadable answer (not a JSON object)")
    return document


def json_value(body: bytes) -> Any:
    """Return the JSON of a body. Raises ProviderUnavailableError when it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProviderUnavailableError("Unreadable answer (incomplete JSON)") from error
