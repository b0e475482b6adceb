"""A client for each host, so that one that hangs uses up nobody else's connections."""

import ssl
from collections import OrderedDict
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tieline.outgoing.client import Answer, OutgoingClient, warn_of_private_addresses
from tieline.settings import OutgoingSettings

MOST_HOSTS = 256
CONNECTIONS_PER_HOST = 32


class HostClients:
    """Calls like `OutgoingClient`, with a small pool of connections per host. Use as an async context manager.

    Of the hosts, the `MOST_HOSTS` called last keep their connections. One that calls are under way to keeps them too.
    """

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        tls: ssl.SSLContext | None = None,
        most_connections: int = CONNECTIONS_PER_HOST,
    ) -> None:
        """Take the settings; `most_connections` are kept to one host, and calls beyond them wait."""
        self._settings = settings
        self._most_connections = most_connections
        if settings.dangerous_allow_private_addresses:
            warn_of_private_addresses()  # when the process starts, and not at the first call
        self._tls = tls or ssl.create_default_context()  # shared: reading the authorities takes some 10 ms
        self._clients: OrderedDict[str, OutgoingClient] = OrderedDict()
        self._under_way: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()

    async def call(self, method: str, url: str, **arguments: Any) -> Answer:
        """Return the whole answer, whatever its status; arguments and errors are those of `OutgoingClient.call`."""
        host = _host(url)
        self._under_way[host] = self._under_way.get(host, 0) + 1
        try:
            client = await self._client(host)
            return await client.call(method, url, **arguments)
        finally:
            self._under_way[host] -= 1
            if not self._under_way[host]:
                del self._under_way[host]

    async def _client(self, host: str) -> OutgoingClient:
        client = self._clients.get(host)
        if client is None:
            client = OutgoingClient(self._settings, most_connections=self._most_connections, tls=self._tls)
            self._clients[host] = client
        self._clients.move_to_end(host)
        if len(self._clients) > MOST_HOSTS:
            idle = next((name for name in self._clients if name not in self._under_way), None)
            if idle is not None:
                await self._clients.pop(idle).close()
        return client


def _host(url: str) -> str:
    """Return what connections are shared by; the whole of a URL that can't be read, which no client will call."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"
    except ValueError:
        return ""
