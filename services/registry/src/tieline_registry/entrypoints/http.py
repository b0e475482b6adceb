"""The internal HTTP interface, for services that know the shared token: reads, and opened credentials.

Every call is a POST with a JSON body and is answered with JSON: 200, 404 when there is no such thing, 400 for a body
that is not what `tieline.registry_client` sends, 401 without the token, 503 while the database is away. Opening
credentials asks for a token of its own, which the gateway does not have.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tieline.contracts.base import Contract
from tieline.errors import PermanentError, TransientError
from tieline.service_tokens import ServiceTokens

from tieline_registry.entrypoints import questions
from tieline_registry.handlers.list_integrations import ListIntegrations
from tieline_registry.handlers.reads import Reads
from tieline_registry.handlers.rebuild_topics import RebuildTopics
from tieline_registry.handlers.rotate_keys import RotateKeys

QuestionT = TypeVar("QuestionT", bound=BaseModel)
Answering = Callable[[QuestionT], Awaitable[Contract | None]]

log = logging.getLogger(__name__)


class InternalHttp:
    """Answers the questions of the other services."""

    def __init__(
        self,
        reads: Reads,
        list_integrations: ListIntegrations,
        rotate_keys: RotateKeys,
        rebuild_topics: RebuildTopics,
        *,
        tokens: ServiceTokens,
        opening_tokens: ServiceTokens,
        max_body_bytes: int,
    ) -> None:
        self._reads = reads
        self._list_integrations = list_integrations
        self._rotate_keys = rotate_keys
        self._rebuild_topics = rebuild_topics
        self._tokens = tokens
        self._opening_tokens = opening_tokens
        self._max_body_bytes = max_body_bytes

    def routes(self) -> list[Route]:
        """Return one route per question."""
        reads = self._reads
        return [
            self._route("/internal/keys/resolve", questions.ResolveKey, lambda asked: reads.resolve_key(asked.hash)),
            self._route(
                "/internal/workspaces/find",
                questions.FindWorkspace,
                lambda asked: reads.find_workspace(asked.reference),
            ),
            self._route(
                "/internal/integrations/get",
                questions.GetIntegration,
                lambda asked: reads.find_integration(asked.workspace_id, asked.integration_id),
            ),
            self._route(
                "/internal/integrations/list",
                questions.ListIntegrations,
                lambda asked: self._list_integrations(asked.query()),
            ),
            self._route(
                "/internal/routes/list",
                questions.ListRoutes,
                lambda asked: reads.list_routes(
                    asked.workspace_id, limit=asked.limit, offset=asked.offset, after=asked.after
                ),
            ),
            self._route("/internal/keys/list", questions.ListKeys, lambda asked: reads.list_keys(asked.workspace_id)),
            self._route(
                "/internal/keys/rotate", questions.RotateKeys, lambda asked: self._rotate_keys(limit=asked.limit)
            ),
            self._route(
                "/internal/topics/rebuild",
                questions.RebuildTopic,
                lambda asked: self._rebuild_topics.publish(asked.topic, after=asked.after, limit=asked.limit),
            ),
            self._route(
                "/internal/topics/forget",
                questions.ForgetKeys,
                lambda asked: self._rebuild_topics.forget(asked.topic, asked.keys),
            ),
            self._route(
                "/internal/commands/find",
                questions.FindCommand,
                lambda asked: reads.find_reply(asked.workspace_id, asked.command_id),
            ),
            self._route(
                "/internal/audit/list",
                questions.ListAudit,
                lambda asked: reads.list_audit(asked.workspace_id, limit=asked.limit, before=asked.before),
            ),
            self._route(
                "/internal/credentials/open",
                questions.OpenCredentials,
                lambda asked: reads.open_credentials(asked.workspace_id, asked.integration_id),
                tokens=self._opening_tokens,
            ),
        ]

    def _route(
        self, path: str, question: type[QuestionT], answer: Answering[QuestionT], *, tokens: ServiceTokens | None = None
    ) -> Route:
        tokens = tokens or self._tokens

        async def endpoint(request: Request) -> Response:
            if not tokens.prove(request.headers.get("authorization", "")):
                return _failure(401, "the service token is missing or wrong")
            body = await self._body(request)
            if body is None:
                return _failure(413, f"a body has {self._max_body_bytes} bytes at most")
            try:
                found = await answer(question.model_validate_json(body))
            except ValidationError as error:
                return _failure(400, str(error.errors(include_url=False, include_input=False, include_context=False)))
            except TransientError as error:
                return _failure(503, str(error))
            except PermanentError as error:
                log.error("could not answer", extra={"path": path, "reason": str(error)})  # noqa: TRY400 - expected, no trace
                return _failure(500, str(error))
            if found is None:
                return _failure(404, "there is no such thing")
            return Response(found.to_json(), media_type="application/json")

        return Route(path, endpoint, methods=["POST"])

    async def _body(self, request: Request) -> bytes | None:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                return None
        return body


def _failure(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
