"""What calls to providers need from outside: token store, token endpoints, providers, health store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from tieline.contracts.base import JsonObject
from tieline.contracts.integrations import Integration

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.pipeline.request import Request
from tieline_sync.domain.providers.errors import Problem
from tieline_sync.domain.providers.health import Health
from tieline_sync.domain.providers.tokens import Grant, Token, TokenRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFailure:
    """Why the last try got no token. Until `until` nobody tries again with what follows from `origin`."""

    origin: str
    until: datetime
    kind: Literal["refused", "limited", "failed"]
    details: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSlot:
    """What is stored of one token. It was got from any of `origins`; `unsaved` until the registry has it as well.

    `fence` counts its changes: a lease, and what was stored under it.
    """

    key: str
    token: Token | None = field(default=None, repr=False)
    generation: int = 0
    origins: tuple[str, ...] = ()
    failure: TokenFailure | None = None
    unsaved: bool = False
    fence: int = 0


class TokenStore(Protocol):
    """Tokens, shared by all replicas, encrypted. Every method raises DatabaseUnavailableError."""

    async def find(self, key: str) -> TokenSlot:
        """Return a slot; an empty one when nothing is stored."""
        ...

    async def lease(self, slot: TokenSlot, *, now: datetime, ttl: timedelta) -> TokenSlot | None:
        """Take the right to get the slot's next token, and return the slot with its new fence.

        None while another has it, and when anything happened to the slot since it was read.
        """
        ...

    async def save(self, slot: TokenSlot, *, now: datetime) -> bool:
        """Store a leased slot's new token and give the lease back; False when the lease was lost."""
        ...

    async def fail(self, slot: TokenSlot, failure: TokenFailure) -> None:
        """Store that no token could be got, and give the lease back; a lost lease changes nothing."""
        ...

    async def note_saved(self, key: str, generation: int) -> None:
        """Store that the registry has the token of this generation."""
        ...


class TokenEndpoint(Protocol):
    """Any token endpoint."""

    async def ask(self, request: TokenRequest) -> Any:
        """Return the JSON of a 2xx answer. Raises UpstreamError, RateLimitedError, CredentialsRefusedError."""
        ...


class Rotation(Protocol):
    """The registry, told of tokens that took the place of stored ones."""

    async def keep(self, integration: Integration, grant: Grant, token: Token) -> bool:
        """Save a token with its integration, unless that has got new credentials meanwhile; True when that is settled.

        Safe to repeat. Raises nothing: what could not be told is told again when the token is used next.
        """
        ...


class Naming(Protocol):
    """Keyed hashes."""

    def name(self, *parts: str) -> str:
        """Return the same text for the same parts, from which they can't be had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReply:
    """A provider's answer as surface C documents it. `next_cursor` asks for what follows."""

    document: JsonObject
    next_cursor: str | None = None


class Provider(Protocol):
    """One vendor's calls."""

    async def perform(self, facts: Facts, operation: Any) -> ProviderReply:
        """Make the calls of one operation. Raises ProviderCallError; bounded by the caller's time-out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAnswer:
    """What an endpoint's server answered. `asked` is the wait that it wants before we try again, if it says so.

    `link` is the `Link` header, empty where there is none.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    asked: timedelta | None = None
    link: str = ""


class EndpointServer(Protocol):
    """Any server that an integration's endpoints name."""

    async def send(self, request: Request, *, proof: tuple[str, str] | None, limit: timedelta) -> ServerAnswer:
        """Send a request with the header that proves us; return the answer whatever its status.

        Raises UpstreamError, also when the answer is not there within `limit`.
        """
        ...


class Evaluator(Protocol):
    """Where tenants' schemas, expressions and templates are evaluated, with limits on time and memory.

    `whose` is the workspace: what it keeps busy, nobody else waits for.
    """

    async def check(self, schema: Mapping[str, Any], params: Mapping[str, Any], *, whose: str) -> list[Problem]:
        """Return what is wrong with `params`. Raises NotConfiguredError for a schema that is none, TransientError."""
        ...

    async def respond(self, value: Any, settings: Mapping[str, Any], *, whose: str) -> dict[str, Any]:
        """Return what the stages make of an answer, as `domain.pipeline.stages` does. Raises TransientError."""
        ...


class Directory(Protocol):
    """The workspaces' integrations, unopened."""

    async def describe(self, workspace_id: str, integration_id: str) -> Integration | None:
        """Return an integration without its secrets. Raises RegistryUnavailableError, RegistryRefusedError."""
        ...


class HealthStore(Protocol):
    """How calls went, by integration, shared by all replicas. Every method raises DatabaseUnavailableError."""

    async def save(self, health: Health) -> None:
        """Store what this replica knows; of each fact the newest stays."""
        ...

    async def of_workspace(self, workspace_id: str) -> Mapping[str, Health]:
        """Return what is known, by integration id."""
        ...


class HealthEvents(Protocol):
    """Events about integrations."""

    async def credentials_failed(self, integration: Integration, health: Health) -> None:
        """Tell that an integration's credentials stopped working; the same failure again is the same event.

        Raises KafkaUnavailableError.
        """
        ...
