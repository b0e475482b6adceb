"""The sync worker's internal HTTP interface, as the gateway calls it: runs, datasets, records, schedules.

Starting and cancelling go over Kafka; what is here must be current, or is answered from the worker's own database.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from opentelemetry.trace import SpanKind

from tieline.contracts.base import Contract
from tieline.contracts.sync_reads import (
    DatasetVersionList,
    DiffPage,
    RawPageList,
    RecordPage,
    RunList,
    RunSummary,
    Schedule,
)
from tieline.errors import PermanentError, TransientError
from tieline.observability.tracing import span, trace_headers
from tieline.settings import InternalSettings

MOST_CONNECTIONS = 64
ContractT = TypeVar("ContractT", bound=Contract)


class SyncWorkerUnavailableError(TransientError):
    """The sync worker's internal HTTP interface did not answer in time, or answered 5xx."""


class SyncRefusedError(PermanentError):
    """The sync worker refused. `code` is `run_active`, `invalid`, `version_not_found` or `unauthorized`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SyncClient:
    """One pool of connections to the sync worker. Use as an async context manager.

    Every method raises SyncWorkerUnavailableError and SyncRefusedError; None means that there is no such thing.
    """

    def __init__(self, settings: InternalSettings) -> None:
        self._http = httpx2.AsyncClient(
            base_url=settings.sync_worker_url,
            headers={"authorization": f"Bearer {settings.tokens.sent}"},
            timeout=settings.timeout.total_seconds(),
            limits=httpx2.Limits(max_connections=MOST_CONNECTIONS),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def find_run(self, workspace_id: str, integration_id: str, run_id: str | None = None) -> RunSummary | None:
        """Return a run; without `run_id` the one under way, else the latest. An attached start means its run."""
        return await self._ask("runs/find", RunSummary, _of(workspace_id, integration_id, run_id=run_id))

    async def list_runs(self, workspace_id: str, integration_id: str, *, limit: int = 50, offset: int = 0) -> RunList:
        """Return a page of the integration's runs, newest first."""
        asked = _of(workspace_id, integration_id, limit=limit, offset=offset)
        return await self._ask("runs/list", RunList, asked) or RunList(items=[], total=0)

    async def list_versions(
        self, workspace_id: str, integration_id: str, *, limit: int = 50, offset: int = 0
    ) -> DatasetVersionList:
        """Return a page of the integration's dataset versions, newest first."""
        asked = _of(workspace_id, integration_id, limit=limit, offset=offset)
        found = await self._ask("datasets/list", DatasetVersionList, asked)
        return found or DatasetVersionList(items=[], current=None, total=0)

    async def list_records(
        self,
        workspace_id: str,
        integration_id: str,
        *,
        version: int | None = None,
        limit: int = 50,
        after: str | None = None,
        search: str | None = None,
        where: Mapping[str, str] | None = None,
    ) -> RecordPage | None:
        """Return a page of records as of `version`, by default the present one.

        `search` finds text in any value, whatever its case; `where` compares fields (`caller.name`) with text.
        """
        asked = _of(
            workspace_id,
            integration_id,
            version=version,
            limit=limit,
            after=after,
            search=search,
            where=dict(where or {}),
        )
        return await self._ask("records/list", RecordPage, asked)

    async def diff(
        self,
        workspace_id: str,
        integration_id: str,
        *,
        from_version: int,
        to_version: int,
        limit: int = 50,
        after: str | None = None,
    ) -> DiffPage | None:
        """Return a page of what differs between two versions."""
        asked = _of(
            workspace_id,
            integration_id,
            from_version=from_version,
            to_version=to_version,
            limit=limit,
            after=after,
        )
        return await self._ask("datasets/diff", DiffPage, asked)

    async def roll_back(
        self, workspace_id: str, integration_id: str, version: int, *, by: str
    ) -> DatasetVersionList | None:
        """Make `version` the present one; the next sync goes on from there.

        Raises SyncRefusedError with `run_active` while a run is under way.
        """
        return await self._ask(
            "datasets/roll-back", DatasetVersionList, _of(workspace_id, integration_id, version=version, by=by)
        )

    async def list_raw_pages(
        self, workspace_id: str, integration_id: str, run_id: str, *, limit: int = 50, offset: int = 0
    ) -> RawPageList | None:
        """Return a page of the list of a run's raw pages."""
        asked = _of(workspace_id, integration_id, run_id=run_id, limit=limit, offset=offset)
        return await self._ask("raw-pages/list", RawPageList, asked)

    async def raw_page(self, workspace_id: str, integration_id: str, run_id: str, number: int) -> bytes | None:
        """Return one page as the provider answered it."""
        asked = _of(workspace_id, integration_id, run_id=run_id, number=number)
        answer = await self._post("raw-pages/get", asked)
        return None if answer is None else answer.content

    async def find_schedule(self, workspace_id: str, integration_id: str) -> Schedule | None:
        """Return the integration's schedule, or None."""
        return await self._ask("schedules/get", Schedule, _of(workspace_id, integration_id))

    async def save_schedule(
        self,
        workspace_id: str,
        integration_id: str,
        *,
        cron: str | None = None,
        every: timedelta | None = None,
        time_zone: str = "UTC",
        jitter: timedelta = timedelta(),
        paused: bool = False,
        batch_size: int | None = None,
    ) -> Schedule:
        """Set the schedule. Raises SyncRefusedError with `invalid` when it cannot be followed; the message says why."""
        asked = _of(
            workspace_id,
            integration_id,
            cron=cron,
            every=None if every is None else every.total_seconds(),
            time_zone=time_zone,
            jitter=jitter.total_seconds(),
            paused=paused,
            batch_size=batch_size,
        )
        saved = await self._ask("schedules/save", Schedule, asked)
        if saved is None:
            raise SyncRefusedError("invalid", "the schedule was not saved")
        return saved

    async def delete_schedule(self, workspace_id: str, integration_id: str) -> Schedule | None:
        """Delete the schedule and return it; None when there was none."""
        return await self._ask("schedules/delete", Schedule, _of(workspace_id, integration_id))

    async def _ask(self, path: str, answer_type: type[ContractT], asked: Mapping[str, Any]) -> ContractT | None:
        answer = await self._post(path, asked)
        return None if answer is None else answer_type.model_validate_json(answer.content)

    async def _post(self, path: str, asked: Mapping[str, Any]) -> httpx2.Response | None:
        with span(f"POST /internal/{path}", SpanKind.CLIENT, http__request__method="POST"):
            try:
                answer = await self._http.post(f"/internal/{path}", json=asked, headers=trace_headers())
            except httpx2.HTTPError as error:
                raise SyncWorkerUnavailableError(f"the sync worker did not answer: {type(error).__name__}") from error
        if answer.status_code == httpx2.codes.OK:
            return answer
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise SyncWorkerUnavailableError(f"the sync worker answered {answer.status_code}")
        said = answer.json()
        raise SyncRefusedError(said.get("code", "invalid"), said.get("error", f"HTTP {answer.status_code}"))


def _of(workspace_id: str, integration_id: str, **asked: Any) -> dict[str, Any]:
    return {"workspace_id": workspace_id, "integration_id": integration_id} | {
        name: value for name, value in asked.items() if value is not None
    }
