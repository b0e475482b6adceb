"""The internal HTTP interface, for services that know the shared token: runs, datasets, records, schedules.

Every call is a POST with a JSON body and is answered with JSON (a raw page with its bytes): 200, 404 when there is no
such thing, 400 for what cannot be asked, 409 for what is not possible now, 401 without the token, 503 while the
database is away.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tieline.clock import Clock
from tieline.contracts.base import Contract
from tieline.errors import PermanentError, TransientError
from tieline.service_tokens import ServiceTokens

from tieline_sync.domain.errors import DatasetMovedError, InvalidScheduleError, RunActiveError, VersionNotFoundError
from tieline_sync.entrypoints import questions
from tieline_sync.handlers.read_datasets import ReadDatasets
from tieline_sync.handlers.read_records import ReadRecords
from tieline_sync.handlers.read_runs import ReadRuns
from tieline_sync.handlers.run_schedules import Schedules

QuestionT = TypeVar("QuestionT", bound=questions.Question)
Answering = Callable[[QuestionT], Awaitable[Contract | bytes | None]]

_REFUSALS: dict[type[PermanentError], tuple[int, str]] = {
    RunActiveError: (409, "run_active"),
    DatasetMovedError: (409, "run_active"),
    VersionNotFoundError: (400, "version_not_found"),
    InvalidScheduleError: (400, "invalid"),
}

log = logging.getLogger(__name__)


class InternalHttp:
    """Answers the questions of the other services."""

    def __init__(
        self,
        *,
        runs: ReadRuns,
        datasets: ReadDatasets,
        records: ReadRecords,
        schedules: Schedules,
        clock: Clock,
        tokens: ServiceTokens,
        max_body_bytes: int,
    ) -> None:
        self._runs = runs
        self._datasets = datasets
        self._records = records
        self._schedules = schedules
        self._clock = clock
        self._tokens = tokens
        self._max_body_bytes = max_body_bytes

    def routes(self) -> list[Route]:
        """Return one route per question."""
        return [*self._run_routes(), *self._dataset_routes(), *self._schedule_routes()]

    def _run_routes(self) -> list[Route]:
        runs = self._runs
        return [
            self._route(
                "/internal/runs/find",
                questions.FindRun,
                lambda asked: runs.find(asked.workspace_id, asked.integration_id, asked.run_id),
            ),
            self._route(
                "/internal/runs/list",
                questions.Listing,
                lambda asked: runs.list(
                    asked.workspace_id, asked.integration_id, limit=asked.limit, offset=asked.offset
                ),
            ),
        ]

    def _dataset_routes(self) -> list[Route]:
        datasets, records = self._datasets, self._records
        return [
            self._route(
                "/internal/datasets/list",
                questions.Listing,
                lambda asked: datasets.versions(
                    asked.workspace_id, asked.integration_id, limit=asked.limit, offset=asked.offset
                ),
            ),
            self._route(
                "/internal/datasets/diff",
                questions.Diff,
                lambda asked: records.diff(asked.workspace_id, asked.integration_id, asked.query()),
            ),
            self._route("/internal/datasets/roll-back", questions.RollBack, self._roll_back),
            self._route(
                "/internal/records/list",
                questions.ListRecords,
                lambda asked: records.page(asked.workspace_id, asked.integration_id, asked.query()),
            ),
            self._route(
                "/internal/raw-pages/list",
                questions.ListRawPages,
                lambda asked: datasets.raw_pages(
                    asked.workspace_id, asked.integration_id, asked.run_id, limit=asked.limit, offset=asked.offset
                ),
            ),
            self._route(
                "/internal/raw-pages/get",
                questions.GetRawPage,
                lambda asked: datasets.raw_page(asked.workspace_id, asked.integration_id, asked.run_id, asked.number),
            ),
        ]

    def _schedule_routes(self) -> list[Route]:
        schedules = self._schedules
        return [
            self._route(
                "/internal/schedules/get",
                questions.Question,
                lambda asked: schedules.find(asked.workspace_id, asked.integration_id),
            ),
            self._route(
                "/internal/schedules/save",
                questions.SaveSchedule,
                lambda asked: schedules.save(asked.schedule(self._clock())),
            ),
            self._route(
                "/internal/schedules/delete",
                questions.Question,
                lambda asked: schedules.delete(asked.workspace_id, asked.integration_id),
            ),
        ]

    async def _roll_back(self, asked: questions.RollBack) -> Contract:
        moved = await self._datasets.roll_back(asked.workspace_id, asked.integration_id, asked.version)
        log.info(
            "a dataset was rolled back",
            extra={"integration": asked.integration_id, "version": asked.version, "by": asked.by},
        )
        return moved

    def _route(self, path: str, question: type[QuestionT], answer: Answering[QuestionT]) -> Route:
        async def endpoint(request: Request) -> Response:
            if not self._tokens.prove(request.headers.get("authorization", "")):
                return _failure(401, "unauthorized", "the service token is missing or wrong")
            body = await self._body(request)
            if body is None:
                return _failure(413, "invalid", f"a body has {self._max_body_bytes} bytes at most")
            try:
                found = await answer(question.model_validate_json(body))
            except ValidationError as error:
                wrong = error.errors(include_url=False, include_input=False, include_context=False)
                return _failure(400, "invalid", str(wrong))
            except TransientError as error:
                return _failure(503, "unavailable", str(error))
            except PermanentError as error:
                status, code = _REFUSALS.get(type(error), (500, "failed"))
                return _failure(status, code, str(error))
            if found is None:
                return _failure(404, "not_found", "there is no such thing")
            if isinstance(found, bytes):
                return Response(found, media_type="application/octet-stream")
            return Response(found.to_json(), media_type="application/json")

        return Route(path, endpoint, methods=["POST"])

    async def _body(self, request: Request) -> bytes | None:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                return None
        return body


def _failure(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "error": message}, status_code=status)
