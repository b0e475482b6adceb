"""What syncs brought in: runs, dataset versions, records, raw pages and schedules of an integration."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from tieline.access import Principal
from tieline.contracts.sync_reads import (
    RawPageSummary,
    RunSummary,
    Schedule,
)
from tieline.sync_client import SyncClient

from tieline_gateway.domain.errors import NotFoundError, RequestInvalidError
from tieline_gateway.domain.synced_data import Differences, Records, ScheduleRequest, Versions
from tieline_gateway.domain.workspace_models import PaginatedResponse
from tieline_gateway.entrypoints.dependencies import ServicesDep, workspace_caller
from tieline_gateway.entrypoints.json_bodies import JsonRoute

_BASE = "/v1/{workspace_id}/integrations/{integration_id}"
_RUN = f"{_BASE}/runs/{{run_id}}"
_INTERNAL = {"events_partition", "events_from"}
_FIELD = re.compile(r"[^=]{1,256}")

FoundT = TypeVar("FoundT")

LARGEST_NUMBER = 2**31 - 1
Number = Annotated[int, Path(ge=0, le=LARGEST_NUMBER)]
Limit = Annotated[int, Query(gt=0, le=100)]
Offset = Annotated[int, Query(ge=0, le=LARGEST_NUMBER)]
Cursor = Annotated[str | None, Query(max_length=512)]
Version = Annotated[int, Query(ge=0, le=LARGEST_NUMBER)]


class Place:
    """The integration that the path names, in the caller's workspace, and the way to the sync worker."""

    def __init__(self, sync: SyncClient, caller: Principal, integration_id: str) -> None:
        self.sync = sync
        self.of = (caller.workspace_id, integration_id)
        self.user_id = caller.user_id


def _place(permission: str) -> Any:
    async def dependency(
        request: Request,
        integration_id: Annotated[str, Path(max_length=64)],
        caller: Annotated[Principal, workspace_caller(permission)],
        services: ServicesDep,
    ) -> Place:
        if await services.registry.find_integration(caller.workspace_id, integration_id) is None:
            raise NotFoundError("integration")
        return Place(request.app.state.sync_reads, caller, integration_id)

    return Depends(dependency)


Viewed = Annotated[Place, _place("integration.view")]
Synced = Annotated[Place, _place("integration.sync")]


def build_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["Synced data"], route_class=JsonRoute)
    _runs(router)
    _versions(router)
    _records(router)
    _schedules(router)
    return router


def _runs(router: APIRouter) -> None:
    @router.get(
        f"{_BASE}/runs",
        operation_id="list-runs",
        response_model=PaginatedResponse[RunSummary],
        response_model_exclude={"items": {"__all__": _INTERNAL}},
    )
    async def list_runs(place: Viewed, limit: Limit = 10, continuation_token: Offset = 0) -> Any:
        """List the sync runs of an integration, newest first."""
        found = await place.sync.list_runs(*place.of, limit=limit, offset=continuation_token)
        return _page(found.items, found.next_offset, found.total)

    @router.get(_RUN, operation_id="get-run", response_model=RunSummary, response_model_exclude=_INTERNAL)
    async def get_run(place: Viewed, run_id: str) -> Any:
        """Show one run."""
        return _found(await place.sync.find_run(*place.of, run_id), "run")

    @router.get(f"{_RUN}/pages", operation_id="list-raw-pages")
    async def list_pages(
        place: Viewed, run_id: str, limit: Limit = 10, continuation_token: Offset = 0
    ) -> PaginatedResponse[RawPageSummary]:
        """List the pages that a run got from the provider, while they are kept."""
        asked = place.sync.list_raw_pages(*place.of, run_id, limit=limit, offset=continuation_token)
        found = _found(await asked, "run")
        return _page(found.items, found.next_offset, found.total)

    @router.get(f"{_RUN}/pages/{{number}}", operation_id="get-raw-page", response_class=Response)
    async def get_page(place: Viewed, run_id: str, number: Number) -> Response:
        """Give one page back as the provider answered it."""
        page = _found(await place.sync.raw_page(*place.of, run_id, number), "page")
        # Whatever it holds must not run in a browser that shows it.
        headers = {"x-content-type-options": "nosniff", "content-disposition": "attachment"}
        return Response(page, media_type="application/octet-stream", headers=headers)


def _versions(router: APIRouter) -> None:
    @router.get(f"{_BASE}/datasets", operation_id="list-dataset-versions")
    async def list_versions(place: Viewed, limit: Limit = 10, continuation_token: Offset = 0) -> Versions:
        """List the dataset versions of an integration, newest first."""
        found = await place.sync.list_versions(*place.of, limit=limit, offset=continuation_token)
        return Versions(**dict(_page(found.items, found.next_offset, found.total)), current=found.current)

    @router.get(f"{_BASE}/datasets/diff", operation_id="diff-dataset-versions")
    async def diff(
        place: Viewed, from_version: Version, to_version: Version, limit: Limit = 10, continuation_token: Cursor = None
    ) -> Differences:
        """Tell which records were added, changed or removed between two versions."""
        asked = place.sync.diff(
            *place.of, from_version=from_version, to_version=to_version, limit=limit, after=continuation_token
        )
        found = _found(await asked, "dataset version")
        return Differences(
            items=found.items,
            from_version=found.from_version,
            to_version=found.to_version,
            has_more=found.next is not None,
            continuation_token=found.next,
        )

    @router.post(f"{_BASE}/datasets/{{version}}/rollback", operation_id="roll-back-dataset")
    async def roll_back(place: Synced, version: Number) -> Versions:
        """Make an earlier version the present one; refused while a run is under way."""
        found = _found(await place.sync.roll_back(*place.of, version, by=place.user_id), "dataset version")
        return Versions(**dict(_page(found.items, found.next_offset, found.total)), current=found.current)


def _records(router: APIRouter) -> None:
    @router.get(f"{_BASE}/records", operation_id="list-records")
    async def list_records(
        *,
        place: Viewed,
        version: Annotated[int | None, Query(ge=0, le=LARGEST_NUMBER, description="The present one by default")] = None,
        search: Annotated[str | None, Query(min_length=1, max_length=200, description="Text in any value")] = None,
        where: Annotated[list[str], Query(max_length=16, description="`field=text`, such as `caller.name=Ann`")] = [],  # noqa: B006 - FastAPI copies defaults
        limit: Limit = 10,
        continuation_token: Cursor = None,
    ) -> Records:
        """List the records of a dataset version."""
        asked = place.sync.list_records(
            *place.of, version=version, limit=limit, after=continuation_token, search=search, where=_filters(where)
        )
        found = _found(await asked, "dataset version")
        return Records(
            items=found.items,
            version=found.version,
            has_more=found.next is not None,
            continuation_token=found.next,
            total=found.records,
        )


def _schedules(router: APIRouter) -> None:
    @router.get(f"{_BASE}/schedule", operation_id="get-schedule")
    async def get_schedule(place: Viewed) -> Schedule:
        """Show when the integration is synced by itself."""
        return _found(await place.sync.find_schedule(*place.of), "schedule")

    @router.put(f"{_BASE}/schedule", operation_id="save-schedule")
    async def save_schedule(place: Synced, body: ScheduleRequest) -> Schedule:
        """Say when the integration is to be synced by itself."""
        return await place.sync.save_schedule(
            *place.of,
            cron=body.cron,
            every=None if body.every is None else timedelta(seconds=body.every),
            time_zone=body.time_zone,
            jitter=timedelta(seconds=body.jitter),
            paused=body.paused,
            batch_size=body.batch_size,
        )

    @router.delete(f"{_BASE}/schedule", operation_id="delete-schedule", status_code=204)
    async def delete_schedule(place: Synced) -> None:
        """Stop syncing the integration by itself."""
        _found(await place.sync.delete_schedule(*place.of), "schedule")


def _page(items: list[Any], next_offset: int | None, total: int) -> PaginatedResponse[Any]:
    return PaginatedResponse(items=items, has_more=next_offset is not None, continuation_token=next_offset, total=total)


def _found(found: FoundT | None, what: Literal["run", "page", "dataset version", "schedule"]) -> FoundT:
    if found is None:
        raise NotFoundError(what)
    return found


def _filters(where: list[str]) -> dict[str, str]:
    filters: dict[str, str] = {}
    for one in where:
        name, separator, text = one.partition("=")
        if not separator or not _FIELD.fullmatch(name):
            raise RequestInvalidError.of(("query", "where"), "each is field=text")
        filters[name] = text
    return filters
