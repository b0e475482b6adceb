"""One bounded call to a provider or channel."""

import asyncio
import functools
import json as jsonlib
import logging
import re
import ssl
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import httpx2
from opentelemetry.trace import SpanKind

from tieline.observability.tracing import span
from tieline.outgoing.errors import (
    AddressRefusedError,
    CallFailedError,
    CallTimedOutError,
    RequestRefusedError,
    ResponseTooLargeError,
    ResponseUnreadableError,
    TlsFailedError,
)
from tieline.outgoing.names import Names
from tieline.outgoing.transport import CheckedBackend, CheckedTransport
from tieline.settings import OutgoingSettings

MOST_CONNECTIONS = 64
NAMES = Names()  # one for the process: what it bounds are threads
LONGEST_URL = 8192
_DECODED_STEP = 65_536
_OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that belong to the connection or frame the message: no caller sets them, so none can smuggle a request."""

_HOST = re.compile(rb"[A-Za-z0-9._-]+|\[?[0-9a-fA-F:.]+\]?")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON. Raises ResponseUnreadableError."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ResponseUnreadableError(f"the answer is not JSON: {type(error).__name__}") from error

    @property
    def retry_after(self) -> timedelta | None:
        """Return `Retry-After` if it gives seconds."""
        try:
            return timedelta(seconds=max(0.0, float(self.headers.get("retry-after", ""))))
        except (ValueError, OverflowError):
            return None


class OutgoingClient:
    """One pool of connections for calls to tenant-given URLs. Use as an async context manager.

    Checks each URL's form and the address dialled, follows no redirect, keeps no cookie, and bounds time and size.
    """

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        most_connections: int = MOST_CONNECTIONS,
        tls: ssl.SSLContext | None = None,
        names: Names = NAMES,
    ) -> None:
        self._settings = settings
        if settings.dangerous_allow_private_addresses:
            warn_of_private_addresses()
        backend = CheckedBackend(
            names, allow_private=settings.dangerous_allow_private_addresses, resolve_timeout=settings.connect_timeout
        )
        self._http = httpx2.AsyncClient(
            transport=CheckedTransport(
                backend,
                tls=tls or ssl.create_default_context(),
                limits=httpx2.Limits(max_connections=most_connections),
            ),
            timeout=httpx2.Timeout(
                settings.timeout.total_seconds(), connect=settings.connect_timeout.total_seconds(), pool=None
            ),
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": "tieline/1", "accept-encoding": "gzip"},
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
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        json: Any = None,
        form: Mapping[str, str | list[str]] | None = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
        timeout: timedelta | None = None,  # noqa: ASYNC109 - a limit that the error names
        most_bytes: int | None = None,
    ) -> Answer:
        """Return the whole answer, whatever its status; a redirect is returned, not followed.

        `params` as pairs may repeat a name. `timeout` covers everything from DNS to the last byte, `most_bytes` makes
        the settings' limit smaller. Raises the OutgoingError family.
        """
        _check_headers(headers or {})
        request = self._request(method, url, headers=headers, params=params, json=json, data=form, content=content)
        progress = _Progress()
        request.extensions["trace"] = progress.note
        limit = timeout or self._settings.timeout
        host = request.url.host
        try:
            with span(method, SpanKind.CLIENT, http__request__method=method, server__address=host):
                async with asyncio.timeout(limit.total_seconds()):
                    most = min(most_bytes or self._settings.max_response_bytes, self._settings.max_response_bytes)
                    return await self._whole_answer(request, httpx2.BasicAuth(*auth) if auth else None, most)
        except httpx2.ConnectTimeout as error:
            raise CallTimedOutError(host, min(limit, self._settings.connect_timeout), sent=False) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise CallTimedOutError(host, limit, sent=progress.sent) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
            raise RequestRefusedError(f"{host}: not a request that can be made") from error
        except (httpx2.HTTPError, zlib.error) as error:
            why = _tls_failure(error)
            if why is not None:
                raise TlsFailedError(host, why, sent=progress.sent) from error
            raise CallFailedError(host, type(error).__name__, sent=progress.sent) from error

    def _request(self, method: str, url: str, **parts: Any) -> httpx2.Request:
        if len(url) > LONGEST_URL:
            raise AddressRefusedError(f"the URL is longer than {LONGEST_URL} characters")
        try:
            request = self._http.build_request(method, url, **parts)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError, TypeError) as error:
            raise RequestRefusedError(f"not a request that can be made: {type(error).__name__}") from error
        settings = self._settings
        http_allowed = settings.allow_http or settings.dangerous_allow_private_addresses
        if request.url.scheme not in ({"https", "http"} if http_allowed else {"https"}):
            raise AddressRefusedError(f"{request.url.host}: the scheme {request.url.scheme or '(none)'} is not allowed")
        if not _HOST.fullmatch(request.url.raw_host) or not 0 < (request.url.port or 443) < 65536:
            raise AddressRefusedError("the URL has no host that could be called")
        if request.url.userinfo:
            raise AddressRefusedError(f"{request.url.host}: the URL carries a user or password")
        return request

    async def _whole_answer(self, request: httpx2.Request, auth: httpx2.BasicAuth | None, most: int) -> Answer:
        response = await self._http.send(request, auth=auth, stream=True)
        try:
            body = await _body(response, most)
        finally:
            await response.aclose()
            self._http.cookies.clear()
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
        )


async def _body(response: httpx2.Response, limit: int) -> bytes:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise ResponseUnreadableError(f"the answer is encoded as {encoding[:40]}, which was not asked for")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    parts: list[bytes] = []
    size = received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if received > limit:  # also what follows the end of a packed body, which is no part of it
            raise ResponseTooLargeError(response.request.url.host, limit)
        for part in (chunk,) if unpack is None else _unpacked(unpack, chunk):
            size += len(part)
            if size > limit:
                raise ResponseTooLargeError(response.request.url.host, limit)
            parts.append(part)
    if unpack is not None and received and not unpack.eof:
        raise CallFailedError(response.request.url.host, "the answer was cut short", sent=True)
    return b"".join(parts)


@functools.cache
def warn_of_private_addresses() -> None:
    """Say loudly, once in a process, what was allowed."""
    log.warning("URLs of tenants may reach private and loopback addresses: right on a laptop and in tests only")


def _check_headers(headers: Mapping[str, str]) -> None:
    taken = _OWN_HEADERS.intersection(name.strip().lower() for name in headers)
    if taken:
        raise RequestRefusedError(f"the header {min(taken)} is not the caller's to set")


def _unpacked(unpack: Any, chunk: bytes) -> Iterator[bytes]:
    """Yield what `chunk` holds in steps, so that a bomb is noticed before it fills the memory."""
    while not unpack.eof:
        part: bytes = unpack.decompress(chunk, _DECODED_STEP)
        yield part
        chunk = unpack.unconsumed_tail
        if not chunk and len(part) < _DECODED_STEP:
            return


def _tls_failure(error: BaseException) -> str | None:
    """Return what was wrong with TLS, None when it was something else."""
    cause: BaseException | None = error
    why = None
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(cause):
            return "the certificate is not valid"
        if isinstance(cause, ssl.SSLError):
            why = "the handshake failed"
        cause = cause.__cause__ or cause.__context__
    return why


class _Progress:
    """Notes whether anything of the request was written."""

    sent = False

    async def note(self, name: str, _info: Mapping[str, Any]) -> None:
        if name.endswith("send_request_headers.started"):
            self.sent = True
