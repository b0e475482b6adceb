"""Who calls the router's own API, proved by an API key, and what the handlers are."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from tieline.access import Principal, key_from_headers
from tieline.key_resolver import KeyResolver

from tieline_webhooks.entrypoints.answers import Fault, RefusedRequestError
from tieline_webhooks.handlers.explain import Explain
from tieline_webhooks.handlers.manage import ManageDeliveries
from tieline_webhooks.handlers.publish import PublishEvents
from tieline_webhooks.handlers.quarantine import Quarantine
from tieline_webhooks.ports import DeliveryList, EventList, Ledger, QuarantineList

ORG_HEADER = "x-org-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the API calls."""

    keys: KeyResolver
    publish: PublishEvents
    manage: ManageDeliveries
    explain: Explain
    quarantine: Quarantine
    deliveries: DeliveryList
    entries: QuarantineList
    events: EventList
    ledger: Ledger


def services_of(request: Request) -> Services:
    """Return what the app was put together with."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


class Caller:
    """Requires a key of the workspace that the request names, with a permission."""

    def __init__(self, permission: str) -> None:
        self._permission = permission

    async def __call__(self, request: Request) -> Principal:
        """Return the caller, or refuse the request."""
        key = key_from_headers(request.headers)
        if key is None:
            raise _refused(401, "UNAUTHORIZED", "API key is required")
        principal = await services_of(request).keys.resolve(key)
        if principal is None:
            raise _refused(401, "UNAUTHORIZED", "Invalid API key")
        organization = request.headers.get(ORG_HEADER)
        if organization and not principal.names(organization):
            raise _refused(403, "FORBIDDEN", "This key belongs to another workspace")
        workspace = request.path_params.get("workspace_id")
        if workspace is not None and not principal.names(workspace):
            raise _refused(404, "WORKSPACE_NOT_FOUND", "Workspace not found")
        if not principal.may(self._permission):
            raise _refused(403, "FORBIDDEN", f"Permission {self._permission} is required")
        return principal


def _refused(status: int, code: str, message: str) -> RefusedRequestError:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return RefusedRequestError(Fault(status=status, code=code, message=message, headers=headers))
