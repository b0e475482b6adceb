"""Surface D's sync: start one and follow it as server-sent events, come back to one, cancel one.

What the document shows as `error` events comes as `error` events with status 200; who may not call is told by status.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from tieline.access import Principal
from tieline.clock import Clock, iso_z
from tieline.contracts.integrations import Integration
from tieline.contracts.sync import CancelRun, StartRun
from tieline.contracts.sync_reads import RunSummary
from tieline.errors import TransientError

from tieline_gateway.domain.errors import (
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    OutcomeUnknownError,
    UnavailableError,
)
from tieline_gateway.domain.run_frames import error_frame
from tieline_gateway.domain.run_places import Place, RunOver
from tieline_gateway.domain.stream_tokens import StreamClaim, StreamTokens
from tieline_gateway.entrypoints.dependencies import IntentDep, may
from tieline_gateway.handlers.run_ports import RunCommands, Runs, Streams

PERMISSION = "integration.sync"
ANSWER_WITHIN = timedelta(seconds=10)
LOOK_AGAIN = timedelta(milliseconds=50)
TOKEN_LIFETIME = timedelta(minutes=15)
EVENTS_KEPT = timedelta(days=1)  # the topic keeps them for twice as long

# `no-transform` and X-Accel-Buffering keep proxies from compressing or collecting events before they pass them on.
STREAM_HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
_EVENTS: dict[str, Any] = {
    "description": "`progress` events, then `complete` or `error`",
    "content": {"text/event-stream": {}},
}
START_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _EVENTS,
    202: {"description": "With `Prefer: respond-async`: where the events of the run can be read"},
}
FOLLOW_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _EVENTS,
    204: {"description": "There is nothing more: that was the last event, or the run ended more than a day ago"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncServices:
    """What the sync endpoints work with; put on the app's state as `sync`, once, at start."""

    streams: Streams
    commands: RunCommands
    runs: Runs
    find_integration: Callable[[str, str], Awaitable[Integration | None]]
    tokens: StreamTokens
    clock: Clock


def _services(request: Request) -> SyncServices:
    services: SyncServices = request.app.state.sync
    return services


SyncDep = Annotated[SyncServices, Depends(_services)]
CallerDep = Annotated[Principal, Depends(may(PERMISSION))]


def build_router() -> APIRouter:
    """Return the routes of surface D's sync."""
    router = APIRouter(tags=["D: sync"])
    base = "/integrations/sync/{integration_id}"
    router.post(base, operation_id="syncIntegration", responses=START_RESPONSES)(start)
    router.get(f"{base}/events", operation_id="followSync", responses=FOLLOW_RESPONSES)(follow)
    router.post(f"{base}/cancel", operation_id="cancelSync", status_code=202)(cancel)
    return router


async def start(
    *,
    integration_id: str,
    caller: CallerDep,
    intent: IntentDep,
    sync: SyncDep,
    batch_size: Annotated[int | None, Query(ge=1, le=1000, description="Records per progress event")] = None,
    prefer: Annotated[str, Header(description="`respond-async` answers 202 at once")] = "",
) -> Response:
    """Start a sync and stream its progress; while one runs, follow that one. Going away does not stop it."""
    if await sync.find_integration(caller.workspace_id, integration_id) is None:
        return _stream(_single(error_frame("Integration not found")))
    if not sync.streams.ready:
        raise UnavailableError("kafka")
    command = StartRun(
        run_id=intent.command_id,
        workspace_id=caller.workspace_id,
        integration_id=integration_id,
        requested_by=caller.user_id,
        requested_at=sync.clock(),
        batch_size=batch_size,
    )
    place = Place(workspace_id=caller.workspace_id, integration_id=integration_id, run_id=command.run_id)
    if "respond-async" in prefer.lower():
        return await _accepted(sync, place, command)
    return _stream(_started(sync, place, command))


async def follow(
    *,
    request: Request,
    integration_id: str,
    sync: SyncDep,
    last_event_id: Annotated[str, Header(description="Resumes after the event with this id")] = "",
    run_id: Annotated[str | None, Query(description="By default the run under way, else the latest")] = None,
    stream_token: Annotated[str, Query(description="In place of a key: reads one run, for 15 minutes")] = "",
) -> Response:
    """Stream a run's events, from the first or after `Last-Event-ID`.

    204, upon which an EventSource stays away, when that was the last one, or the run ended more than a day ago.
    """
    claim = _claim(request, sync, integration_id, stream_token)
    if not sync.streams.ready:
        raise UnavailableError("kafka")
    wanted = claim.run_id or run_id
    if last_event_id:
        place = await sync.streams.place_after(
            last_event_id, workspace_id=claim.workspace_id, integration_id=integration_id
        )
        if isinstance(place, RunOver):
            return Response(status_code=204)
        if place is not None and (wanted is None or place.run_id == wanted):
            return _stream(sync.streams.stream(place))
    run = await _found(sync, claim.workspace_id, integration_id, wanted)
    if run.finished_at is not None and sync.clock() - run.finished_at > EVENTS_KEPT:
        return Response(status_code=204)
    return _stream(sync.streams.stream(_first_place(run)))


async def cancel(integration_id: str, caller: CallerDep, sync: SyncDep, run_id: str | None = None) -> dict[str, Any]:
    """Cancel the run under way (or `run_id`) after the batch in hand; nothing it saved becomes visible."""
    run = await _found(sync, caller.workspace_id, integration_id, run_id)
    await _sent(
        sync,
        CancelRun(
            run_id=run.id,
            workspace_id=caller.workspace_id,
            integration_id=integration_id,
            requested_by=caller.user_id,
            requested_at=sync.clock(),
        ),
    )
    return {"success": True, "message": "Cancellation requested", "run_id": run.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    workspace_id: str
    run_id: str | None


def _claim(request: Request, sync: SyncServices, integration_id: str, stream_token: str) -> _Reader:
    if not stream_token:
        return _Reader(workspace_id=may(PERMISSION)(request).workspace_id, run_id=None)
    claim = sync.tokens.claim_of(stream_token, now=sync.clock())
    if claim is None:
        raise NotAuthenticatedError(missing=False)
    if claim.integration_id != integration_id:
        raise NotPermittedError(None)
    return _Reader(workspace_id=claim.workspace_id, run_id=claim.run_id)


def _first_place(run: RunSummary) -> Place:
    return Place(
        workspace_id=run.workspace_id,
        integration_id=run.integration_id,
        run_id=run.id,
        partition=run.events_partition,
        offset=run.events_from,
        is_over=run.finished_at is not None,
    )


async def _found(sync: SyncServices, workspace_id: str, integration_id: str, run_id: str | None) -> RunSummary:
    run = await _run_of(sync, workspace_id, integration_id, run_id)
    if run is None:
        raise NotFoundError("run")
    return run


async def _run_of(sync: SyncServices, workspace_id: str, integration_id: str, run_id: str | None) -> RunSummary | None:
    try:
        return await sync.runs.find_run(workspace_id, integration_id, run_id)
    except TransientError as error:
        raise UnavailableError("sync worker") from error


async def _sent(sync: SyncServices, command: StartRun | CancelRun) -> None:
    try:
        await sync.commands.send(command)
    except TransientError as error:
        raise UnavailableError("kafka") from error


async def _accepted(sync: SyncServices, place: Place, command: StartRun) -> Response:
    try:
        run_id = await sync.streams.started(place, start=lambda: _sent(sync, command), within=ANSWER_WITHIN)
        await _until_found(sync, place, run_id)
    except TimeoutError:
        raise OutcomeUnknownError(command.run_id) from None
    expires_at = sync.clock() + TOKEN_LIFETIME
    token = sync.tokens.issue(
        StreamClaim(
            workspace_id=place.workspace_id,
            integration_id=place.integration_id,
            run_id=run_id,
            expires_at=expires_at,
        )
    )
    events = f"/integrations/sync/{place.integration_id}/events?stream_token={token}"
    return JSONResponse(
        {"success": True, "run_id": run_id, "events": events, "expires_at": iso_z(expires_at)},
        status_code=202,
        headers={"preference-applied": "respond-async"},
    )


async def _until_found(sync: SyncServices, place: Place, run_id: str) -> None:
    """Wait until a run can be followed: its first event is published before it is stored. Raises TimeoutError."""
    async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
        while await _run_of(sync, place.workspace_id, place.integration_id, run_id) is None:  # noqa: ASYNC110 - not ours
            await asyncio.sleep(LOOK_AGAIN.total_seconds())


async def _started(sync: SyncServices, place: Place, command: StartRun) -> AsyncIterator[bytes]:
    try:
        async for chunk in sync.streams.stream(place, start=lambda: _sent(sync, command)):
            yield chunk
    except UnavailableError:
        yield error_frame("The sync could not be started: Kafka is not available. Try again in a moment")


async def _single(frame: bytes) -> AsyncIterator[bytes]:
    yield frame


def _stream(frames: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(frames, media_type="text/event-stream", headers=STREAM_HEADERS)
