"""What handlers need from outside, as nouns; adapters provide it."""

from collections.abc import Mapping
from typing import Protocol

from tieline.access import Principal
from tieline.contracts.commands import Command, Reply, SealedSecret
from tieline.contracts.integrations import Integration
from tieline.provider_client import AnyOperation, EndpointCall, EndpointRun, ProviderAnswer, ProviderHealth

from tieline_gateway.domain.commands import Intent


class Commands(Protocol):
    """The way to the registry for writes."""

    def intend(self, principal: Principal, *, idempotency_key: str | None, request: bytes) -> Intent:
        """Return what identifies a write: the same idempotency key in a workspace gives the same command id.

        `request` is method, path and body; it tells a repetition from another request under the same key.
        """
        ...

    def seal(self, intent: Intent, secrets: Mapping[str, str]) -> dict[str, SealedSecret]:
        """Return secret values by path, sealed for this command alone."""
        ...

    def api_key(self, intent: Intent) -> str:
        """Return the API key this command issues: under an idempotency key the same one whenever it is asked."""
        ...

    async def send(self, command: Command) -> Reply:
        """Send `command` and return its reply.

        Raises the ConflictError or NotFoundError that a refusal means, OutcomeUnknownError when no reply came in time,
        UnavailableError when the command could not be put on Kafka. Safe to repeat with the same command id.
        """
        ...


class Providers(Protocol):
    """The providers of a workspace's integrations."""

    async def call(
        self, integration: Integration, operation: AnyOperation, *, is_write: bool = False, fresh: bool = False
    ) -> ProviderAnswer:
        """Return the answer to one of surface C's calls. `fresh` takes none that is remembered.

        Raises NotConfiguredError, RequestInvalidError, UpstreamError, UnavailableError.
        """
        ...

    async def run_endpoint(self, call: EndpointCall) -> EndpointRun:
        """Run an endpoint. Raises NotFoundError, RequestInvalidError, UnavailableError."""
        ...

    async def health(self, workspace_id: str) -> Mapping[str, ProviderHealth]:
        """Return how calls went, by integration id; nothing while that can't be told."""
        ...
