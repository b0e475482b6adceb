"""Puts the gateway together: settings read once, connections opened and closed with the app."""

import hashlib
import hmac
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
from fastapi import FastAPI
from starlette.types import ASGIApp
from tieline.clock import system_clock
from tieline.errors import ConfigurationError
from tieline.ids import new_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.requests import RequestClient
from tieline.key_resolver import KeyResolver
from tieline.provider_client import ProviderClient
from tieline.registry_client import RegistryClient
from tieline.secrets.sealing import Sealer
from tieline.service.background import BackgroundTasks
from tieline.service.health import Health
from tieline.service_tokens import SHORTEST_TOKEN
from tieline.sync_client import SyncClient
from tieline.topics import GATEWAY_REPLIES

from tieline_gateway.adapters.providers import SyncWorkerProviders
from tieline_gateway.adapters.registry_commands import RegistryCommands
from tieline_gateway.adapters.run_commands import KafkaRunCommands
from tieline_gateway.adapters.run_streams import RunStreams
from tieline_gateway.adapters.run_tail import RunTail
from tieline_gateway.domain import surface_d
from tieline_gateway.domain.rates import RateLimiter
from tieline_gateway.domain.stream_tokens import StreamTokens
from tieline_gateway.entrypoints import (
    api_keys,
    audit,
    datasets,
    endpoint_test,
    projects,
    provider_calls,
    surface_a,
    surface_b,
    surface_c,
    surface_e,
    sync_stream,
)
from tieline_gateway.entrypoints import surface_d as surface_d_routes
from tieline_gateway.entrypoints.dependencies import Services
from tieline_gateway.entrypoints.edge import Edge
from tieline_gateway.entrypoints.error_documents import describe_errors
from tieline_gateway.entrypoints.failures import answer_failures
from tieline_gateway.entrypoints.passed_on import pass_to_router
from tieline_gateway.entrypoints.passthrough import Passthrough
from tieline_gateway.entrypoints.sync_stream import SyncServices
from tieline_gateway.settings import GatewaySettings

MOST_PASSED_THROUGH = 512  # connections to the webhook router

ROUTERS = (
    surface_a,
    surface_b,
    surface_c,
    provider_calls,
    surface_d_routes,
    sync_stream,
    surface_e,
    endpoint_test,
    datasets,
    api_keys,
    projects,
    audit,
)

log = logging.getLogger(__name__)


def build_api() -> FastAPI:
    """Return the app with its routes, connected to nothing: enough to write its OpenAPI document."""
    app = FastAPI(
        title="Tieline gateway",
        version="1",
        description="Five published integration APIs over one registry.",
        redirect_slashes=False,
        separate_input_output_schemas=False,  # one schema per name, as in the published documents
        telemetry={"tracing": False, "metrics": False, "logs": False},  # requests are traced and measured in `tieline`
    )
    for part in ROUTERS:
        app.include_router(part.build_router())
    answer_failures(app)
    describe_errors(app)
    return app


def create_app(settings: GatewaySettings) -> tuple[ASGIApp, Health]:
    """Return the gateway's app and its health. Nothing is connected before the app's lifespan starts."""
    if not settings.internal.tokens.long_enough:
        raise ConfigurationError(f"TIELINE_INTERNAL__TOKEN: needs at least {SHORTEST_TOKEN} characters")
    parts = Gateway(settings, settings.internal.tokens.sent)
    app = build_api()
    app.router.lifespan_context = parts.running
    app.state.services = Services(
        registry=parts.registry, commands=parts.commands, providers=SyncWorkerProviders(parts.provider_calls)
    )
    app.state.sync = parts.sync_services()
    app.state.sync_reads = parts.sync_worker
    app.routes.extend(parts.health.routes())
    pass_to_router(app, Passthrough(parts.webhook_router, service="webhook router"))
    if settings.gateway.dangerous_trust_org_header:
        log.warning("x-org-id is believed without a key: only an authenticating proxy may reach this gateway")
    return parts.edge(app), parts.health


class Gateway:
    """The parts of one process."""

    def __init__(self, settings: GatewaySettings, token: str) -> None:
        instance = settings.gateway.instance or f"{os.getpid()}-{new_id()}"
        self._settings = settings
        self._token = token
        self._producer = RecordProducer(settings.kafka, client_id=f"gateway-{instance}")
        self._requests = RequestClient(
            settings.kafka,
            producer=self._producer,
            reply_topic=GATEWAY_REPLIES,
            client_id=f"gateway-replies-{instance}",
            instance=instance,
        )
        self._run_tail = RunTail(
            settings.kafka, client_id=f"gateway-runs-{instance}", draining=lambda: self.health.draining
        )
        self.registry = RegistryClient(settings.internal)
        self.sync_worker = SyncClient(settings.internal)
        self.provider_calls = ProviderClient(settings.internal)
        self.webhook_router = httpx2.AsyncClient(
            base_url=settings.internal.webhook_router_url,
            timeout=settings.internal.timeout.total_seconds(),
            limits=httpx2.Limits(max_connections=MOST_PASSED_THROUGH),
            trust_env=False,
        )
        self.commands = RegistryCommands(
            requests=self._requests,
            sealer=Sealer(settings.secrets.sealing_public_key.get_secret_value()),
            secret=hmac.digest(token.encode(), b"tieline gateway fingerprints", hashlib.sha256),
            clock=system_clock,
            reply_timeout=settings.gateway.reply_timeout,
        )
        self.health = Health({"kafka": self._kafka_check, "registry": self.registry.check})

    @asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        """Connect, however long dependencies are away; disconnect on leaving."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.registry)
            await stack.enter_async_context(self.sync_worker)
            await stack.enter_async_context(self.provider_calls)
            stack.push_async_callback(self.webhook_router.aclose)
            stack.push_async_callback(self._producer.stop)
            background = await stack.enter_async_context(BackgroundTasks())
            background.start("producer", self._producer.start_when_possible())
            background.start("replies", self._requests.run())
            background.start("run events", self._run_tail.run())
            yield

    def sync_services(self) -> SyncServices:
        """Return what the sync endpoints work with."""
        return SyncServices(
            streams=RunStreams(
                self._run_tail, find_integration=self.registry.find_integration, render=surface_d.document_of
            ),
            commands=KafkaRunCommands(self._producer),
            runs=self.sync_worker,
            find_integration=self.registry.find_integration,
            tokens=StreamTokens(self._token),
            clock=system_clock,
        )

    def edge(self, app: ASGIApp) -> Edge:
        """Return `app` behind the edge."""
        settings = self._settings
        return Edge(
            app,
            keys=KeyResolver(self.registry),
            registry=self.registry,
            rates=RateLimiter(per_second=settings.limits.requests_per_second, burst=settings.limits.burst),
            max_body_bytes=settings.http.max_body_bytes,
            trust_org_header=settings.gateway.dangerous_trust_org_header,
            monotonic=time.monotonic,
        )

    async def _kafka_check(self) -> str | None:
        if (missing := await self._producer.check()) is not None:
            return missing
        return None if self._requests.ready.is_set() else "the reply partition is not being read"
