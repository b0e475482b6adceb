"""Dialling: the address is checked after DNS, and is the very one that is connected to.

So a name that changes its answer between check and connect gains nothing. TLS is still checked against the name.
"""

import asyncio
import ssl
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import httpcore2
import httpx2

from tieline.outgoing.addresses import is_public, parse
from tieline.outgoing.errors import AddressRefusedError, NameUnresolvedError
from tieline.outgoing.names import Names

MOST_ADDRESSES = 8  # of one name, tried in turn


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects like httpcore's own backend, but only to public addresses."""

    def __init__(self, names: Names, *, allow_private: bool, resolve_timeout: timedelta) -> None:
        self._inner = httpcore2.AnyIOBackend()
        self._names = names
        self._allow_private = allow_private
        self._resolve_timeout = resolve_timeout

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers.

        Raises AddressRefusedError if any of them is not public, NameUnresolvedError if the name has none.
        """
        last: Exception | None = None
        for address in await self._addresses(host):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        raise last or NameUnresolvedError(host, "no address")

    async def _addresses(self, host: str) -> list[str]:
        try:
            async with asyncio.timeout(self._resolve_timeout.total_seconds()):
                addresses = (await self._names.addresses(host))[:MOST_ADDRESSES]
        except TimeoutError as error:
            raise NameUnresolvedError(host, "no answer in time") from error
        if not self._allow_private:
            # One forbidden address condemns the name: whichever is tried first must not matter.
            for address in addresses:
                if not is_public(parse(address)):
                    # The address stays unsaid: whoever gave the name must not learn of our network by it.
                    raise AddressRefusedError(f"{host} is not at a public address")
        return addresses

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no tenant has business with our sockets."""
        raise AddressRefusedError(f"{path} is a Unix socket")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


class CheckedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's transport over a pool of `CheckedBackend`. No proxy from the environment, no redirects, HTTP/1.1."""

    def __init__(self, backend: CheckedBackend, *, tls: ssl.SSLContext, limits: httpx2.Limits) -> None:
        super().__init__(verify=tls, trust_env=False, limits=limits)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=backend,
        )
