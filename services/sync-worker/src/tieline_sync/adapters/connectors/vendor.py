"""Calls to vendors that the worker calls for other purposes too: with their sessions, in a run's own errors."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tieline_sync.adapters.providers.session import Session, Sessions, Vendor
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import (
    MissingConfigurationError,
    ProviderCredentialsError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from tieline_sync.domain.providers.errors import (
    CredentialsRefusedError,
    NotConfiguredError,
    ProviderCallError,
    RateLimitedError,
    UpstreamError,
)

Query = Sequence[tuple[str, str]]


class VendorCalls:
    """One integration's calls to its vendor."""

    def __init__(self, sessions: Sessions, vendor: Vendor, facts: Facts) -> None:
        self._vendor = vendor
        self._session = _session(sessions, vendor, facts)

    async def get(self, path: str, query: Query = ()) -> tuple[Any, Mapping[str, str]]:
        """Return JSON and headers. Raises ProviderUnavailableError, -RateLimitedError, -RefusedError."""
        return await self.call("GET", path, query=query)

    async def call(self, method: str, path: str, **arguments: Any) -> tuple[Any, Mapping[str, str]]:
        """Return JSON and headers; other arguments as `Session.call`. Raises as `get`."""
        try:
            return await self._session.call(method, path, **arguments)
        except ProviderCallError as error:
            raise run_error(self._vendor.name, error) from error


def missing(service: str, *facts: str) -> MissingConfigurationError:
    """Return the error for facts that are not configured."""
    return MissingConfigurationError(f"Missing {service} configuration ({', '.join(facts)})")


def run_error(service: str, error: ProviderCallError) -> Exception:
    """Return what a failed call means for a run."""
    match error:
        case RateLimitedError(wait=wait):
            return ProviderRateLimitedError(service, wait)
        case CredentialsRefusedError(details=details):
            return ProviderCredentialsError(f"{details}. Check this integration's credentials")
        case UpstreamError(details=details, is_outage=True):
            return ProviderUnavailableError(details)
        case UpstreamError(details=details):
            return ProviderRefusedError(f"{details}. Check this integration's configuration and rights")
        case _:
            return MissingConfigurationError(f"Missing {service} configuration: {error}")


def stored_body(document: Any) -> bytes:
    """Return a page's JSON as it is stored."""
    return orjson.dumps(document)


def _session(sessions: Sessions, vendor: Vendor, facts: Facts) -> Session:
    try:
        return sessions.open(vendor, facts)
    except NotConfiguredError as error:
        raise missing(vendor.name, "apiKey") from error
