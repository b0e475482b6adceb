"""Serving one process: uvicorn with uvloop, made unready at SIGTERM before its connections are closed."""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tieline.errors import ConfigurationError
from tieline.observability.http import traced
from tieline.observability.logs import configure_logs
from tieline.observability.requests import measured
from tieline.observability.tracing import configure_tracing, flush_traces
from tieline.service.health import Health
from tieline.settings import HttpSettings, ServiceSettings, load

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

log = logging.getLogger(__name__)


class _DrainingServer(uvicorn.Server):
    """Unready at the first signal, no longer listening `linger` later; a second signal shortens that."""

    def __init__(self, config: uvicorn.Config, health: Health, *, linger: float) -> None:
        super().__init__(config)
        self._health = health
        self._linger = linger
        self._stop_at: float | None = None
        self._signal = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._health.draining or not self._linger:
            self._health.draining = True
            super().handle_exit(sig, frame)
            return
        self._health.draining = True
        self._signal = sig
        self._stop_at = time.monotonic() + self._linger

    async def on_tick(self, counter: int) -> bool:
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._stop_at = None
            super().handle_exit(self._signal, None)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("stopping: finishing what is in hand")
        await super().shutdown(sockets)
        await asyncio.to_thread(flush_traces)
        log.info("stopped")


def letting_go(app: ASGIApp, health: Health) -> ASGIApp:
    """Return `app` that ends connections after its answers once the process shuts down.

    A client that keeps connections would otherwise send its next request at the moment they are closed.
    """

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_let_go(message: Message) -> None:
            if health.draining and message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await app(scope, receive, send_and_let_go if scope["type"] == "http" else send)

    return answering


def serve(app: ASGIApp, *, http: HttpSettings, health: Health) -> None:
    """Serve `app` until SIGTERM or Ctrl-C; then say so, linger, let requests in hand finish within the drain time."""
    config = uvicorn.Config(
        app,
        host=http.host,
        port=http.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # nobody asks for a caller's address, and it is work for every request
        lifespan="on",
        timeout_graceful_shutdown=int(http.drain.total_seconds()),
        timeout_keep_alive=75,  # above the 60 s that load balancers commonly keep idle connections
        h11_max_incomplete_event_size=65_536,
    )
    server = _DrainingServer(config, health, linger=http.linger.total_seconds())
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve())


def main(
    *, service: str, settings_type: type[SettingsT], create_app: Callable[[SettingsT], tuple[ASGIApp, Health]]
) -> None:
    """Run one service as a process: read settings, configure logs, serve. Wrong settings: exit 2 with all of them."""
    try:
        settings = load(settings_type)
        configure_logs(settings.log, service=service)
        configure_tracing(service)
        app, health = create_app(settings)
    except ConfigurationError as error:
        print(f"{service}: {error}", file=sys.stderr)  # noqa: T201 - there is no log before the settings are read
        sys.exit(2)
    log.info("starting", extra={"host": settings.http.host, "port": settings.http.port})
    serve(letting_go(measured(traced(app)), health), http=settings.http, health=health)
