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
from starlette.types import ASGIApp

from tieline.errors import ConfigurationError
from tieline.observability.http import traced
from tieline.observability.logs import configure_logs
from tieline.observability.requests import measured
from tieline.observability.tracing import configure_tracing, flush_traces
from tieline.service.connections import CLOSE, Connection
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
        if not self._health.draining:
            self._health.draining = True
            self._let_go()
            if self._linger:
                self._signal = sig
                self._stop_at = time.monotonic() + self._linger
                return
        super().handle_exit(sig, frame)

    def _let_go(self) -> None:
        """End connections after their next answer.

        A client that keeps connections would otherwise send its next request at the moment they are closed.
        """
        self.config.encoded_headers.append(CLOSE)  # of which uvicorn makes the headers of all answers, once a second
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in self.server_state.connections:  # what is in hand has its headers already
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_started:
                cycle.keep_alive = False

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


def serve(app: ASGIApp, *, http: HttpSettings, health: Health) -> None:
    """Serve `app` until SIGTERM or Ctrl-C; then say so, linger, let requests in hand finish within the drain time."""
    config = uvicorn.Config(
        app,
        host=http.host,
        port=http.port,
        interface="asgi3",  # which uvicorn takes only an `async def` to be
        http=Connection,
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
    serve(measured(traced(app)), http=settings.http, health=health)
