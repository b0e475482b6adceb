"""What endpoints ask FastAPI for: the caller with a permission, the identity of a write, the services behind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Header, Request
from tieline.access import Principal
from tieline.registry_client import RegistryClient

from tieline_gateway.domain.commands import Intent
from tieline_gateway.domain.errors import (
    GatewayError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    RequestInvalidError,
)
from tieline_gateway.handlers.ports import Commands, Providers

LONGEST_IDEMPOTENCY_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the endpoints work with; put on the app's state once, at start."""

    registry: RegistryClient
    commands: Commands
    providers: Providers


def services_of(request: Request) -> Services:
    """Return the services of this process."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


def principal_of(request: Request) -> Principal:
    """Return who calls, as the edge has proved it."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is None:
        raise NotAuthenticatedError(missing=True)
    return principal


def may(*permissions: str) -> Callable[[Request], Principal]:
    """Return a dependency that gives the caller if it has all `permissions`."""

    def dependency(request: Request) -> Principal:
        principal = principal_of(request)
        for permission in permissions:
            if not principal.may(permission):
                raise NotPermittedError(permission)
        return principal

    return dependency


def workspace_caller(permission: str, *, stranger: GatewayError | None = None) -> Any:
    """Return FastAPI's dependency on a caller with `permission` in the workspace the path names.

    Another workspace is answered like one that does not exist, so that none can be guessed: by `stranger`, or 404.
    """

    def dependency(request: Request, workspace_id: UUID) -> Principal:
        principal = principal_of(request)
        if str(workspace_id) != principal.workspace_id:
            raise stranger or NotFoundError("workspace")
        if not principal.may(permission):
            raise NotPermittedError(permission)
        return principal

    return Depends(dependency)


async def intent_of(
    request: Request,
    services: ServicesDep,
    idempotency_key: Annotated[
        str | None,
        Header(description="Makes a repeated write safe: the same key with the same request is applied once."),
    ] = None,
) -> Intent:
    """Return the identity of this write, from the caller, the idempotency key and the bytes of the request."""
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= LONGEST_IDEMPOTENCY_KEY:
        raise RequestInvalidError.of(
            ("header", "Idempotency-Key"), f"must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters"
        )
    target = f"{request.method} {quote(request.url.path)}?{request.url.query}\n".encode()
    return services.commands.intend(
        principal_of(request), idempotency_key=idempotency_key, request=target + await request.body()
    )


IntentDep = Annotated[Intent, Depends(intent_of)]

Json = dict[str, Any]
