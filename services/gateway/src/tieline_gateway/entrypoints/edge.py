"""What every request passes before any surface sees it: size, caller, rate.

Pure ASGI, so that streams pass through. A caller is proved before the body is read or judged; errors come in the shape
of the surface the path belongs to.
"""

import logging
import re
from collections.abc import Callable
from datetime import timedelta

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tieline.access import Principal, key_from_headers
from tieline.errors import RegistryUnavailableError
from tieline.key_resolver import KeyResolver
from tieline.registry_client import RegistryClient, RegistryRefusedError
from tieline.service.health import PATHS

from tieline_gateway.domain.errors import (
    GatewayError,
    NotAuthenticatedError,
    NotPermittedError,
    OrganizationMissingError,
    RequestTooLargeError,
    TooManyRequestsError,
    UnavailableError,
)
from tieline_gateway.domain.rates import RateLimiter
from tieline_gateway.entrypoints.surfaces import ORGANIZATION, surface_of

OPEN_PATHS = PATHS | {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}
PASSED_THROUGH = ("/api/webhooks/", "/api/events")

log = logging.getLogger(__name__)


class Edge:
    """ASGI middleware in front of the gateway's routes; puts the caller into `scope["state"]["principal"]`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyResolver,
        registry: RegistryClient,
        rates: RateLimiter,
        max_body_bytes: int,
        trust_org_header: bool,
        monotonic: Callable[[], float],
    ) -> None:
        self._app = app
        self._keys = keys
        self._registry = registry
        self._rates = rates
        self._max_body_bytes = max_body_bytes
        self._trust_org_header = trust_org_header
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        try:
            if path not in OPEN_PATHS and not path.startswith(PASSED_THROUGH) and not _has_stream_token(scope):
                await self._admit(scope, Headers(scope=scope))
        except GatewayError as error:
            await surface_of(path).answer(error)(scope, receive, send)
            return
        await self._bounded(scope, receive, send)

    async def _admit(self, scope: Scope, headers: Headers) -> None:
        principal = await self._authenticate(scope["path"], headers)
        wait = self._rates.take(principal.key_id, now=self._monotonic())
        if wait is not None:
            raise TooManyRequestsError(timedelta(seconds=wait))
        scope.setdefault("state", {})["principal"] = principal

    async def _authenticate(self, path: str, headers: Headers) -> Principal:
        try:
            organization = headers.get("x-org-id", "") if surface_of(path) is ORGANIZATION else ""
            key = key_from_headers(headers)
            if key is None and organization and self._trust_org_header:
                return await self._trusted(organization)
            if key is None:
                raise NotAuthenticatedError(missing=True)
            principal = await self._keys.resolve(key)
        except (RegistryUnavailableError, RegistryRefusedError) as error:
            log.warning("the registry could not say whom a key proves", extra={"reason": str(error)})
            raise UnavailableError("database") from error
        if principal is None:
            raise NotAuthenticatedError(missing=False)
        if surface_of(path) is ORGANIZATION:
            if not organization:
                raise OrganizationMissingError("x-org-id is missing")
            if not principal.names(organization):
                raise NotPermittedError(None)
        return principal

    async def _trusted(self, organization: str) -> Principal:
        workspace = await self._registry.find_workspace(organization)
        if workspace is None:
            raise NotPermittedError(None)
        return Principal(
            key_id=f"org:{workspace.id}",
            user_id=f"org:{workspace.slug}",
            workspace_id=workspace.id,
            workspace_slug=workspace.slug,
            permissions=ORGANIZATION_PERMISSIONS,
        )

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with a body that ends at the limit; past it the answer is 413."""
        path: str = scope["path"]
        limit = self._max_body_bytes
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            await surface_of(path).answer(RequestTooLargeError(limit))(scope, receive, send)
            return
        received = 0
        started = finished = False

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise RequestTooLargeError(limit)
            return message

        async def note_progress(message: Message) -> None:
            nonlocal started, finished
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive_within_limit, note_progress)
        except RequestTooLargeError as error:
            if not started:
                await surface_of(path).answer(error)(scope, receive, send)
        except Exception:
            # The app has logged what went wrong and answered 500 in the surface's shape; only a stream that breaks in
            # its middle is left to the server, which ends the connection.
            if not finished:
                raise


def _has_stream_token(scope: Scope) -> bool:
    """Tell whether a run's stream is asked for with a token of its own, which the stream's endpoint checks."""
    query: bytes = scope["query_string"]
    return b"stream_token=" in query and re.fullmatch(r"/integrations/sync/[^/]+/events", scope["path"]) is not None


ORGANIZATION_PERMISSIONS = frozenset(
    {"integration.view", "integration.create", "integration.edit", "integration.sync", "route.view", "route.edit"}
)
"""What a request may do that an authenticating proxy vouches for by `x-org-id` alone."""
