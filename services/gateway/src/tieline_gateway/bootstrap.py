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
from tieline.registry_client import RegistryClient
from tieline.secrets.sealing import Sealer
from tieline.service.background import BackgroundTasks
from tieline.service.health import Check, Health
from tieline.topics import GATEWAY_REPLIES

from tieline_gateway.adapters.registry_commands import RegistryCommands
from tieline_gateway.domain.rates import RateLimiter
from tieline_gateway.entrypoints import (
    api_keys,
    audit,
    provider_calls,
    surface_a,
    surface_b,
    surface_c,
    surface_d,
    surface_e,
)
from tieline_gateway.entrypoints.dependencies import Services
from tieline_gateway.entrypoints.edge import Edge
from tieline_gateway.entrypoints.error_documents import describe_errors
from tieline_gateway.entrypoints.failures import answer_failures
from tieline_gateway.entrypoints.passed_on import pass_to_router
from tieline_gateway.entrypoints.passthrough import Passthrough
from tieline_gateway.settings import GatewaySettings

SHORTEST_TOKEN = 16
MOST_PASSED_THROUGH = 512  # connections to the webhook router

log = logging.getLogger(__name__)


def build_api() -> FastAPI:
    """Return the app with its routes, connected to nothing: enough to write its OpenAPI document."""
    app = FastAPI(
        title="Tieline gateway",
        version="1",
        description="Five published integration APIs over one registry.",
        redirect_slashes=False,
        separate_input_output_schemas=False,  # one schema per name, as in the published documents
    )
    for part in (surface_a, surface_b, surface_c, provider_calls, surface_d, surface_e, api_keys, audit):
        app.include_router(part.build_router())
    answer_failures(app)
    describe_errors(app)
    return app


def create_app(settings: GatewaySettings) -> tuple[ASGIApp, Health]:
    """Return the gateway's app and its health. Nothing is connected before the app's lifespan starts."""
    token = settings.internal.token.get_secret_value()
    if len(token) < SHORTEST_TOKEN:
        raise ConfigurationError(f"TIELINE_INTERNAL__TOKEN: needs at least {SHORTEST_TOKEN} characters")
    instance = settings.gateway.instance or f"{os.getpid()}-{new_id()}"
    producer = RecordProducer(settings.kafka, client_id=f"gateway-{instance}")
    requests = RequestClient(
        settings.kafka,
        producer=producer,
        reply_topic=GATEWAY_REPLIES,
        client_id=f"gateway-replies-{instance}",
        instance=instance,
    )
    registry = RegistryClient(settings.internal)
    router = httpx2.AsyncClient(
        base_url=settings.internal.webhook_router_url,
        timeout=settings.internal.timeout.total_seconds(),
        limits=httpx2.Limits(max_connections=MOST_PASSED_THROUGH),
        trust_env=False,
    )
    commands = RegistryCommands(
        requests=requests,
        sealer=Sealer(settings.secrets.sealing_public_key.get_secret_value()),
        secret=hmac.digest(token.encode(), b"tieline gateway fingerprints", hashlib.sha256),
        clock=system_clock,
        reply_timeout=settings.gateway.reply_timeout,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(registry)
            stack.push_async_callback(router.aclose)
            stack.push_async_callback(producer.stop)
            background = await stack.enter_async_context(BackgroundTasks())
            background.start("producer", producer.start_when_possible())
            background.start("replies", requests.run())
            yield

    app = build_api()
    app.router.lifespan_context = lifespan
    app.state.services = Services(registry=registry, commands=commands)
    health = Health({"kafka": _kafka_check(producer, requests), "registry": registry.check})
    app.routes.extend(health.routes())
    pass_to_router(app, Passthrough(router, service="webhook router"))
    edge = Edge(
        app,
        keys=KeyResolver(registry),
        registry=registry,
        rates=RateLimiter(per_second=settings.limits.requests_per_second, burst=settings.limits.burst),
        max_body_bytes=settings.http.max_body_bytes,
        trust_org_header=settings.gateway.dangerous_trust_org_header,
        monotonic=time.monotonic,
    )
    if settings.gateway.dangerous_trust_org_header:
        log.warning("x-org-id is believed without a key: only an authenticating proxy may reach this gateway")
    return edge, health


def _kafka_check(producer: RecordProducer, requests: RequestClient) -> Check:
    async def check() -> str | None:
        if not producer.connected:
            return "no Kafka broker answers"
        return None if requests.ready.is_set() else "the reply partition is not being read"

    return check
