"""Replicas that share tokens by one database, a token endpoint that counts, and a clock that is set."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse
from tieline.contracts.integrations import Integration
from tieline.ids import new_id
from tieline.outgoing import HostClients
from tieline.settings import MongoSettings, OutgoingSettings
from tieline_sync.adapters.mongo.database import Database
from tieline_sync.adapters.tokens.endpoint import HttpTokenEndpoint
from tieline_sync.adapters.tokens.mongo_tokens import INDEXES, TOKENS, MongoTokenStore
from tieline_sync.adapters.tokens.vault import Vault
from tieline_sync.domain.providers.grants import ClientCredentials
from tieline_sync.domain.providers.tokens import Grant, Token
from tieline_sync.handlers.tokens import Tokens

from tests.support.http_server import serving
from tests.support.scripted_server import Received, ScriptedServer

WORKSPACE = "22222222-2222-4222-8222-222222222222"


def an_integration(**changes: Any) -> Integration:
    """Return an integration."""
    now = datetime(2026, 3, 21, 14, 0, tzinfo=UTC)
    fields: dict[str, Any] = {
        "id": new_id(),
        "workspace_id": WORKSPACE,
        "workspace_slug": "org-acme-corp",
        "name": "shop",
        "display_name": "Shop",
        "provider": "rest",
        "created_by": "user-1",
        "created_at": now,
        "updated_at": now,
    }
    return Integration(**{**fields, **changes})


@dataclass
class SetClock:
    """A clock that stands still until it is moved; begins today, for the database deletes what it takes for old."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now

    def move(self, **length: float) -> None:
        """Move on."""
        self.now += timedelta(**length)


@dataclass
class KeptTokens:
    """Stands at the registry's door: what it was asked to keep."""

    kept: list[Token] = field(default_factory=list)
    settles: bool = True

    async def keep(self, integration: Integration, grant: Grant, token: Token) -> bool:
        """Note the token."""
        del integration, grant
        self.kept.append(token)
        return self.settles


@dataclass
class TokenBench:
    """What a test of tokens works with."""

    database: Database
    http: HostClients
    server: ScriptedServer
    url: str
    clock: SetClock = field(default_factory=SetClock)
    rotation: KeptTokens = field(default_factory=KeptTokens)
    integration: Integration = field(default_factory=an_integration)

    def replica(self, *, shared_token: str = "shared-token-0123") -> Tokens:
        """Return one more replica."""
        vault = Vault(shared_token)
        return Tokens(
            store=MongoTokenStore(self.database, vault),
            endpoint=HttpTokenEndpoint(self.http, self.clock, timeout=timedelta(seconds=5)),
            rotation=self.rotation,
            naming=vault,
            clock=self.clock,
            new_id=new_id,
        )

    def grant(self, **changes: Any) -> ClientCredentials:
        """Return a grant for the bench's endpoint."""
        chosen = {"url": f"{self.url}/token", "client_id": "c1", "client_secret": "client-s3cret", **changes}
        return ClientCredentials(**chosen)

    @property
    def asked(self) -> int:
        """How many requests the token endpoint had."""
        return len(self.server.received)


def numbered_tokens(life: int = 600) -> Any:
    """Return an answering that gives `token-1`, `token-2`, … and new refresh tokens with them."""
    given = iter(range(1, 1_000_000))

    def answer(_received: Received) -> JSONResponse:
        number = next(given)
        return JSONResponse(
            {"access_token": f"t0ken-{number}", "refresh_token": f"refr3sh-{number}", "expires_in": life}
        )

    return answer


@asynccontextmanager
async def token_bench(mongo_url: str, database: str) -> AsyncIterator[TokenBench]:
    """Open a bench on a database of its own."""
    outgoing = OutgoingSettings(allow_http=True, dangerous_allow_private_addresses=True)
    server = ScriptedServer(always=numbered_tokens())
    async with AsyncExitStack() as stack:
        store = Database(MongoSettings(url=mongo_url, database=database))
        stack.push_async_callback(store.close)
        http = await stack.enter_async_context(HostClients(outgoing))
        url = await stack.enter_async_context(serving(server))
        await store.apply_indexes({TOKENS: INDEXES})
        yield TokenBench(database=store, http=http, server=server, url=url)
