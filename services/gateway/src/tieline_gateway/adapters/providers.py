"""Calls to providers, which the sync worker makes for us."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

from tieline.contracts.integrations import Integration
from tieline.provider_client import (
    AnyOperation,
    EndpointCall,
    EndpointRun,
    Fault,
    Problem,
    ProviderAnswer,
    ProviderCall,
    ProviderClient,
    ProviderFaultError,
    ProviderHealth,
)
from tieline.sync_client import SyncWorkerUnavailableError

from tieline_gateway.domain.errors import (
    FieldError,
    NotConfiguredError,
    NotFoundError,
    RequestInvalidError,
    UnavailableError,
    UpstreamError,
)
from tieline_gateway.domain.providers import display_name

log = logging.getLogger(__name__)


class SyncWorkerProviders:
    """The providers of a workspace's integrations."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def call(
        self, integration: Integration, operation: AnyOperation, *, is_write: bool = False, fresh: bool = False
    ) -> ProviderAnswer:
        """Return the answer to one of surface C's calls. `fresh` takes none that is remembered.

        Raises NotConfiguredError, RequestInvalidError, UpstreamError, UnavailableError.
        """
        call = ProviderCall(
            workspace_id=integration.workspace_id,
            integration_id=integration.id,
            revision=integration.revision,
            operation=operation,
            fresh=fresh,
        )
        try:
            return await self._client.call(call)
        except ProviderFaultError as error:
            _raise(error.fault, integration.provider, is_write=is_write)
        except SyncWorkerUnavailableError as error:
            raise _unavailable(str(error)) from error

    async def run_endpoint(self, call: EndpointCall) -> EndpointRun:
        """Run an endpoint. Raises NotFoundError, RequestInvalidError, UnavailableError."""
        try:
            return await self._client.run_endpoint(call)
        except ProviderFaultError as error:
            fault = error.fault
            if fault.kind == "not_found":
                raise NotFoundError("endpoint" if fault.summary == "endpoint" else "integration") from error
            if fault.kind == "invalid":
                raise invalid(fault.problems, ("body", "params")) from error
            raise _unavailable(fault.summary) from error
        except SyncWorkerUnavailableError as error:
            raise _unavailable(str(error)) from error

    async def health(self, workspace_id: str) -> Mapping[str, ProviderHealth]:
        """Return how calls went, by integration id; nothing while the sync worker is away."""
        try:
            return await self._client.health(workspace_id)
        except (ProviderFaultError, SyncWorkerUnavailableError) as error:
            log.warning("the health of integrations is not shown", extra={"reason": str(error)})
            return {}


def _raise(fault: Fault, provider: str, *, is_write: bool) -> NoReturn:
    match fault.kind:
        case "not_configured":
            raise NotConfiguredError(provider, fault.details)
        case "not_found":  # deleted since we looked
            raise NotConfiguredError(provider)
        case "invalid":
            raise invalid(fault.problems, ("request",))
        case "upstream" | "rate_limited":
            verb = "send to" if is_write else "fetch from"
            raise UpstreamError(
                f"Failed to {verb} {display_name(provider)} API",
                fault.details or fault.summary,
                is_limited=fault.kind == "rate_limited",
                retry_after=None if fault.retry_after is None else timedelta(seconds=fault.retry_after),
            )
        case _:
            raise _unavailable(fault.summary)


def invalid(problems: list[Problem], below: tuple[str, ...]) -> RequestInvalidError:
    """Return the error for wrong parameters, which stand `below` that place of the request."""
    return RequestInvalidError(
        [FieldError(loc=(*below, *problem.path), message=problem.message, kind="value_error") for problem in problems]
    )


def _unavailable(reason: str) -> UnavailableError:
    log.warning("the sync worker could not make a call", extra={"reason": reason})
    return UnavailableError("sync worker")
