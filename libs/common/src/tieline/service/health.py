"""What a process tells whoever looks after it.

* `/healthz`: it lives.
* `/readyz`: it can do all of its work; otherwise which dependency is missing, and why.
* `/readyz/traffic`: requests may be sent to it. Yes once everything was there, until it shuts down: a dependency that
  goes away later takes all replicas alike, so taking them out of service would only turn answers that say what is
  wrong, and webhooks that would have been spooled, into refused connections.
* `/metrics`: in Prometheus' form.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tieline.observability.scrapes import before_scrape

Check = Callable[[], Awaitable[str | None]]
"""Return None when the dependency is there, else one sentence saying what is missing. Bounded in time; never raises."""

PATHS = frozenset({"/healthz", "/readyz", "/readyz/traffic", "/metrics"})
"""What operators ask for. Open to whoever reaches the process; what stands in front of it keeps them inside."""

MISSING = Gauge("tieline_dependency_missing", "1 while the process misses a dependency, else 0.", ["dependency"])


class Health:
    """The checks of one process. Draining makes it unready first, so that no new work is sent to it."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._was_ready = False
        self.draining = False

    async def missing(self) -> dict[str, str]:
        """Return what is missing, by dependency; empty when ready."""
        if self.draining:
            return {"process": "shutting down"}
        found = await self._ask()
        self._was_ready = self._was_ready or not found
        return found

    async def takes_requests(self) -> bool:
        """Tell whether requests may be sent here."""
        return not self.draining and (self._was_ready or not await self.missing())

    def routes(self) -> list[Route]:
        """Return the operator's endpoints."""
        return [
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
            Route("/readyz/traffic", self._traffic, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _ask(self) -> dict[str, str]:
        answers = await asyncio.gather(*(check() for check in self._checks.values()))
        for name, answer in zip(self._checks, answers, strict=True):
            MISSING.labels(name).set(answer is not None)
        return {name: answer for name, answer in zip(self._checks, answers, strict=True) if answer is not None}

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _request: Request) -> Response:
        missing = await self.missing()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def _traffic(self, _request: Request) -> Response:
        if await self.takes_requests():
            return JSONResponse({"status": "takes requests"})
        return JSONResponse({"status": "not ready", "missing": await self.missing()}, status_code=503)

    async def _metrics(self, _request: Request) -> Response:
        await asyncio.gather(self._ask(), before_scrape())
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
