"""An ASGI app of a test, served over real HTTP on the running loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # signals are pytest's


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, *, lifespan: bool = False, http: type[asyncio.Protocol] | None = None
) -> AsyncIterator[str]:
    """Serve `app` on a free port; the value is its address, such as `http://127.0.0.1:4711`.

    `http`: the class of its connections, uvicorn's own unless given.
    """
    # Named in full: asyncio sets TCP_NODELAY only where the protocol is, and without it a short answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=http or "auto",
        access_log=http is None,
        log_config=None,
        lifespan="on" if lifespan else "off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells by an attribute only
                await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
