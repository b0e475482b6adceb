"""Connectors whose calls are taken down in their integration's health, as every other call with its credentials is."""

from collections.abc import Sequence

from tieline.contracts.base import JsonObject
from tieline.contracts.integrations import Integration

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import (
    ProviderCredentialsError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from tieline_sync.domain.providers.errors import CredentialsRefusedError, RateLimitedError, UpstreamError
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.ports import Connector, FetchedPage, Source


class WatchedConnector:
    """Opens the sources of a connector, watched."""

    def __init__(self, connector: Connector, health: HealthLog) -> None:
        self._connector = connector
        self._health = health

    @property
    def providers(self) -> tuple[str, ...]:
        """The values of an integration's `provider` that it serves."""
        return self._connector.providers

    def open(self, facts: Facts, *, page_size: int) -> Source:
        """Return the source. Raises MissingConfigurationError."""
        return WatchedSource(self._connector.open(facts, page_size=page_size), facts.integration, self._health)


class WatchedSource:
    """Does what its source does."""

    def __init__(self, source: Source, integration: Integration, health: HealthLog) -> None:
        self._source = source
        self._integration = integration
        self._health = health

    @property
    def wording(self) -> Wording:
        """How messages call the provider and its records."""
        return self._source.wording

    @property
    def is_whole(self) -> bool:
        """Say whether a run lists everything there is."""
        return self._source.is_whole

    def first(self, resume: JsonObject | None) -> JsonObject:
        """Return the cursor of a run's first page."""
        return self._source.first(resume)

    async def fetch(self, cursor: JsonObject) -> FetchedPage:
        """Return the page at `cursor`, having noted how the call went; raises as the source does."""
        try:
            page = await self._source.fetch(cursor)
        except (ProviderUnavailableError, ProviderRateLimitedError, ProviderRefusedError) as error:
            self._health.note_failure(self._integration, _for_health(error))
            raise
        self._health.note_success(self._integration)
        return page

    def records(self, body: bytes) -> Sequence[Record]:
        """Return the records of a stored page."""
        return self._source.records(body)


def _for_health(error: ProviderUnavailableError | ProviderRateLimitedError | ProviderRefusedError) -> UpstreamError:
    match error:
        case ProviderRateLimitedError(wait=wait):
            return RateLimitedError(wait)
        case ProviderCredentialsError(reason=reason):
            return CredentialsRefusedError(reason)
        case _:
            return UpstreamError(error.reason, is_outage=isinstance(error, ProviderUnavailableError))
