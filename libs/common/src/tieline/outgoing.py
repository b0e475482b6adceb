"""Calls to providers and channels: the one door to addresses that a tenant chose.

Bounded in time and size, no redirects, no proxies from the environment, no cookies. `AddressPolicy` says which URLs may
be called at all.
"""

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx2

from tieline.errors import PermanentError, TransientError
from tieline.settings import OutgoingSettings

MOST_CONNECTIONS = 64


class CallTimedOutError(TransientError):
    """The whole answer did not come in time."""


class CallFailedError(TransientError):
    """No connection, or it broke before the whole answer was read."""


class ResponseTooLargeError(PermanentError):
    """The answer is larger than may be read."""


class AddressRefusedError(PermanentError):
    """The URL is not one that may be called; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class AddressPolicy:
    """Which URLs may be called."""

    def __init__(self, settings: OutgoingSettings) -> None:
        self._settings = settings

    def check(self, url: httpx2.URL) -> None:
        """Raise AddressRefusedError unless `url` may be called."""
        if url.scheme not in {"http", "https"} or not url.host:
            raise AddressRefusedError(f"{url.scheme or 'no scheme'}: only http(s) addresses with a host can be called")
        if url.scheme == "http" and not self._settings.allow_http:
            raise AddressRefusedError(f"{url.host}: plain http is not allowed, use https")


class OutgoingClient:
    """One pool of connections for calls to tenant-given URLs. Use as an async context manager."""

    def __init__(self, settings: OutgoingSettings) -> None:
        self._settings = settings
        self._policy = AddressPolicy(settings)
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(
                settings.timeout.total_seconds(), connect=settings.connect_timeout.total_seconds(), pool=None
            ),
            limits=httpx2.Limits(max_connections=MOST_CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """Return the whole answer, whatever its status; a redirect is returned, not followed.

        Raises CallTimedOutError, CallFailedError, ResponseTooLargeError, AddressRefusedError. Their messages name the
        host at most, never the query, which may hold a secret.
        """
        try:
            request = self._http.build_request(method, url, headers=headers, params=params, json=json, data=form)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError) as error:
            raise AddressRefusedError(f"the address is not a URL: {error}") from error
        self._policy.check(request.url)
        basic = httpx2.BasicAuth(*auth) if auth else None
        try:
            async with asyncio.timeout(self._settings.timeout.total_seconds()):
                return await self._whole_answer(request, basic)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise CallTimedOutError(f"{request.url.host} did not answer in time") from error
        except (httpx2.HTTPError, zlib.error) as error:
            raise CallFailedError(f"{request.url.host}: {type(error).__name__}") from error

    async def _whole_answer(self, request: httpx2.Request, auth: httpx2.BasicAuth | None) -> Answer:
        response = await self._http.send(request, auth=auth, stream=True)
        try:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > self._settings.max_response_bytes:
                    raise ResponseTooLargeError(
                        f"{request.url.host} answered more than {self._settings.max_response_bytes} bytes"
                    )
                chunks.append(chunk)
        finally:
            await response.aclose()
            self._http.cookies.clear()
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=b"".join(chunks),
        )
