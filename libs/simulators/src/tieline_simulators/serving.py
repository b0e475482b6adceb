"""Runs stand-ins: each on its own port, all on one event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator, Mapping

import uvicorn

from tieline_simulators.connections import ResettableProtocol
from tieline_simulators.stand_in import LOOPBACK, StandIn

STARTUP_SECONDS = 10


class StandInStartError(RuntimeError):
    """A stand-in could not start listening."""

    def __init__(self, name: str, host: str, port: int, reason: str) -> None:
        super().__init__(f"{name} cannot listen on {host}:{port}: {reason}")
        self.name, self.host, self.port = name, host, port


@contextlib.asynccontextmanager
async def running(
    *, host: str = LOOPBACK, ports: Mapping[str, int] | None = None, **stand_ins: StandIn
) -> AsyncIterator[dict[str, str]]:
    """Serve the stand-ins on the running loop; the value is each one's address, `{"slack": "http://127.0.0.1:4711"}`.

    `ports` asks for ports by name; without one, or with 0, a free port is taken. On leaving, connections are dropped
    at once. Raises StandInStartError when a port is taken.
    """
    async with contextlib.AsyncExitStack() as stack:
        addresses: dict[str, str] = {}
        for name, stand_in in stand_ins.items():
            listener = _listen(name, host, (ports or {}).get(name, 0))
            stack.callback(listener.close)
            await stack.enter_async_context(_serving(stand_in, listener))
            shown = f"[{host}]" if ":" in host else host
            addresses[name] = f"http://{shown}:{listener.getsockname()[1]}"
        yield addresses


def _listen(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named in full: asyncio sets TCP_NODELAY only where the protocol is, and without it a short answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StandInStartError(name, host, port, error.strerror or str(error)) from error
    return listener


@contextlib.asynccontextmanager
async def _serving(stand_in: StandIn, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(
        uvicorn.Config(
            stand_in.app(),
            http=ResettableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=2048,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]), name=f"stand-in {stand_in.name}")
    try:
        await asyncio.wait_for(server.listening.wait(), STARTUP_SECONDS)
        yield
    finally:
        server.stopping.set()
        await serving


class _Server(uvicorn.Server):
    """uvicorn that leaves signals alone, says when it listens, and stops without waiting for idle connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.listening.set()
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 1.0)  # the Date header moves on once a second
            await self.on_tick(0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        del sockets
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=1.0)
