"""Dropping a client's connection in the middle of a request, which ASGI has no word for."""

import asyncio
import socket
import struct
from contextlib import suppress

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

FLUSH_SECONDS = 5.0
TRANSPORT = "tieline.transport"
_LINGER_ZERO = struct.pack("ii", 1, 0)  # l_onoff, l_linger: closing answers with RST instead of FIN


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's protocol that lets the application reach the connection, through the scope's extensions."""

    def on_message_begin(self) -> None:
        """Start a request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


async def drop_connection(scope: Scope, receive: Receive, *, flush: bool = False) -> None:
    """Drop the connection: at once, with a TCP reset; with `flush`, after what was sent so far."""
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    if transport.is_closing():  # the client was first
        return
    if flush:
        transport.close()
    else:
        peer = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        transport.abort()
    with suppress(TimeoutError):
        await asyncio.wait_for(receive(), FLUSH_SECONDS)
