"""`/healthz` (the process lives), `/readyz` (it can do its work, or says what is missing), `/metrics`."""

from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check = Callable[[], Awaitable[str | None]]
"""Return None when the dependency is there, else one sentence saying what is missing. Bounded in time; never raises."""


class Health:
    """The checks of one process. Draining makes it unready first, so that no new work is sent to it."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self.draining = False

    async def missing(self) -> dict[str, str]:
        """Return what is missing, by dependency; empty when ready."""
        if self.draining:
            return {"process": "shutting down"}
        return {name: found for name, check in self._checks.items() if (found := await check()) is not None}

    def routes(self) -> list[Route]:
        """Return the operator's endpoints."""
        return [
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _request: Request) -> Response:
        missing = await self.missing()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
