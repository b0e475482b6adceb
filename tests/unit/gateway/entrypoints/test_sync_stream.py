"""How long a run can be followed after its end."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tieline.contracts.sync_reads import RunSummary
from tieline_gateway.domain.run_places import Place
from tieline_gateway.domain.stream_tokens import StreamClaim, StreamTokens
from tieline_gateway.entrypoints import sync_stream
from tieline_gateway.entrypoints.sync_stream import SyncServices

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
CLAIM = StreamClaim(workspace_id="w", integration_id="i", run_id="r", expires_at=NOW + timedelta(minutes=15))


class OneRun:
    """Runs and streams where there is one run that ended at a given moment; its stream says where it starts."""

    ready = True

    def __init__(self, finished_at: datetime | None) -> None:
        self._finished_at = finished_at

    async def find_run(self, workspace_id: str, integration_id: str, run_id: str | None) -> RunSummary:
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


@pytest.mark.parametrize(
    ("ended", "status", "text"),
    [
        (None, 200, "r 3-41 False"),
        (timedelta(hours=23, minutes=59), 200, "r 3-41 True"),
        (timedelta(hours=24, minutes=1), 204, ""),
    ],
)
def test_run_is_told_for_a_day_after_its_end(ended: timedelta | None, status: int, text: str) -> None:
    there = cast("Any", OneRun(None if ended is None else NOW - ended))
    tokens = StreamTokens("a shared secret")
    app = FastAPI()
    app.include_router(sync_stream.build_router())
    app.state.sync = SyncServices(
        streams=there,
        commands=there,
        runs=there,
        find_integration=there.find_run,
        tokens=tokens,
        clock=lambda: NOW,
    )

    answer = TestClient(app).get("/integrations/sync/i/events", params={"stream_token": tokens.issue(CLAIM)})

    assert (answer.status_code, answer.text) == (status, text)
