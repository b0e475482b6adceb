"""From when on, and until when, a run can be followed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint
from starlette.testclient import TestClient
from tieline.access import Principal
from tieline.contracts.sync_reads import RunSummary
from tieline_gateway.domain.commands import Intent
from tieline_gateway.domain.run_places import Place
from tieline_gateway.domain.stream_tokens import StreamClaim, StreamTokens
from tieline_gateway.entrypoints import sync_stream
from tieline_gateway.entrypoints.dependencies import intent_of
from tieline_gateway.entrypoints.sync_stream import SyncServices

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
WORKSPACE, INTEGRATION, RUN = (f"{number}" * 8 + "-2222-3333-4444-555555555555" for number in (1, 2, 3))
CLAIM = StreamClaim(
    workspace_id=WORKSPACE, integration_id=INTEGRATION, run_id=RUN, expires_at=NOW + timedelta(minutes=15)
)


class OneRun:
    """Runs and streams where there is one run that ended at a given moment; its stream says where it starts."""

    ready = True

    def __init__(self, finished_at: datetime | None, *, stored_after: int = 0) -> None:
        self._finished_at = finished_at
        self.asked_before_it_was_stored = stored_after

    async def find_integration(self, workspace_id: str, integration_id: str) -> object:
        return object()

    async def send(self, _command: object) -> None:
        """Take the command."""

    async def started(self, place: Place, *, start: Callable[[], Awaitable[object]], within: timedelta) -> str:
        del within
        await start()
        return place.run_id

    async def find_run(self, workspace_id: str, integration_id: str, run_id: str | None) -> RunSummary | None:
        self.asked_before_it_was_stored -= 1
        if self.asked_before_it_was_stored >= 0:
            return None
        return RunSummary(
            id=run_id or "latest",
            workspace_id=workspace_id,
            integration_id=integration_id,
            state="completed",
            trigger="manual",
            requested_by="user-1",
            requested_at=NOW - timedelta(days=3),
            finished_at=self._finished_at,
            batch_size=5,
            events_partition=3,
            events_from=41,
        )

    async def stream(self, place: Place) -> AsyncIterator[bytes]:
        yield f"{place.run_id} {place.partition}-{place.offset} {place.is_over}".encode()


TOKENS = StreamTokens("a shared secret")
CALLER = Principal(
    key_id="k", user_id="u", workspace_id=WORKSPACE, workspace_slug="org", permissions=frozenset({"integration.sync"})
)
INTENT = Intent(command_id=RUN, workspace_id=WORKSPACE, issued_at=NOW, issued_by="u", fingerprint="")


def app_of(there: OneRun) -> FastAPI:
    """Return the endpoints, called by somebody who may sync."""
    services = cast("Any", there)
    app = FastAPI()
    app.include_router(sync_stream.build_router())
    app.dependency_overrides[intent_of] = lambda: INTENT
    app.state.sync = SyncServices(
        streams=services,
        commands=services,
        runs=services,
        find_integration=services.find_integration,
        tokens=TOKENS,
        clock=lambda: NOW,
    )

    @app.middleware("http")
    async def called(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.principal = CALLER
        return await call_next(request)

    return app


@pytest.mark.parametrize(
    ("ended", "status", "text"),
    [
        (None, 200, f"{RUN} 3-41 False"),
        (timedelta(hours=23, minutes=59), 200, f"{RUN} 3-41 True"),
        (timedelta(hours=24, minutes=1), 204, ""),
    ],
)
def test_run_is_told_for_a_day_after_its_end(ended: timedelta | None, status: int, text: str) -> None:
    client = TestClient(app_of(OneRun(None if ended is None else NOW - ended)))

    answer = client.get(f"/integrations/sync/{INTEGRATION}/events", params={"stream_token": TOKENS.issue(CLAIM)})

    assert (answer.status_code, answer.text) == (status, text)


def test_accepted_run_can_be_followed_at_once() -> None:
    there = OneRun(None, stored_after=2)  # its first event is published before it is stored

    accepted = TestClient(app_of(there)).post(f"/integrations/sync/{INTEGRATION}", headers={"prefer": "respond-async"})

    assert accepted.status_code == 202
    assert there.asked_before_it_was_stored == -1
