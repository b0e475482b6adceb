"""What all channels share: the call, and what an answer's status means."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tieline.errors import TransientError
from tieline.outgoing import AddressRefusedError, Answer, OutgoingClient, OutgoingError
from tieline.settings import OutgoingSettings

from tieline_webhooks.domain.deliveries import Blocked, Failed, Outcome, Parked, RateLimited, Refused

MOST_HOSTS = 256
CONNECTIONS_PER_HOST = 32
DEFAULT_RETRY_AFTER = timedelta(seconds=5)


class Caller:
    """Calls channels: one small pool of connections per host, so that a host that hangs holds up no other."""

    def __init__(self, settings: OutgoingSettings) -> None:
        self._settings = settings
        self._clients: OrderedDict[str, OutgoingClient] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.close()

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
    ) -> Answer:
        """Return the answer, whatever its status. Raises OutgoingError."""
        client = await self._client(urlsplit(url).netloc)
        return await client.call(method, url, headers=headers, params=params, json=json, content=content)

    async def _client(self, host: str) -> OutgoingClient:
        client = self._clients.get(host)
        if client is None:
            client = OutgoingClient(self._settings, most_connections=CONNECTIONS_PER_HOST)
            self._clients[host] = client
            if len(self._clients) > MOST_HOSTS:
                _, idle = self._clients.popitem(last=False)
                await idle.close()
        self._clients.move_to_end(host)
        return client


def of_error(error: OutgoingError) -> Outcome:
    """Return the outcome of a call without a usable answer."""
    if isinstance(error, AddressRefusedError):
        return Blocked(reason=Parked.CHANNEL_UNAVAILABLE, detail=str(error))
    if isinstance(error, TransientError) or error.sent:
        return Failed(detail=str(error), answer_lost=error.sent)
    return Failed(detail=str(error))


def of_status(answer: Answer, detail: str) -> Outcome | None:
    """Return the outcome that an answer's status alone decides; None when its body has to."""
    status = answer.status
    if status == 429:
        return RateLimited(retry_after=answer.retry_after or DEFAULT_RETRY_AFTER)
    if status >= 500 or status in {408, 425}:
        # A gateway that gave up on the platform does not know whether the platform went on.
        return Failed(detail=detail, answer_lost=status in {502, 504}, retry_after=answer.retry_after)
    if status == 401:
        return Blocked(reason=Parked.CREDENTIALS_REFUSED, detail=detail)
    if 300 <= status < 400:
        return Failed(detail=f"{detail}: redirects are not followed")
    return None


def refused(detail: str) -> Refused:
    """Return that the platform will never take this message."""
    return Refused(detail=detail[:300])


def json_object(answer: Answer) -> dict[str, Any]:
    """Return the body as an object, empty when it is none. Raises ResponseUnreadableError."""
    found = answer.json()
    return found if isinstance(found, dict) else {}
