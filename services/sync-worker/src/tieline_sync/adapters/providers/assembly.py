"""Puts together what calls providers."""

import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tieline.clock import Clock
from tieline.ids import new_id
from tieline.kafka.producer import RecordProducer
from tieline.outgoing import HostClients
from tieline.registry_client import RegistryClient
from tieline.secrets.sealing import Sealer
from tieline.settings import OutgoingSettings

from tieline_sync.adapters.connectors.rest import RestConnector
from tieline_sync.adapters.integrations import RegistryIntegrations
from tieline_sync.adapters.mongo.database import Database
from tieline_sync.adapters.providers import mongo_health
from tieline_sync.adapters.providers.endpoint_server import HttpEndpointServer
from tieline_sync.adapters.providers.health_events import KafkaHealthEvents
from tieline_sync.adapters.providers.linear import Linear
from tieline_sync.adapters.providers.mongo_health import HEALTH, MongoHealthStore
from tieline_sync.adapters.providers.pagerduty import PagerDuty
from tieline_sync.adapters.providers.sandbox import Sandbox
from tieline_sync.adapters.providers.sentry import Sentry
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.adapters.providers.shared_facts import SharedFacts
from tieline_sync.adapters.tokens import mongo_tokens
from tieline_sync.adapters.tokens.endpoint import HttpTokenEndpoint
from tieline_sync.adapters.tokens.mongo_tokens import TOKENS, MongoTokenStore
from tieline_sync.adapters.tokens.rotation import RegistryRotation
from tieline_sync.adapters.tokens.vault import Vault
from tieline_sync.domain.providers.authorization_code import OAuthApp
from tieline_sync.handlers.endpoint_calls import EndpointCalls
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.note_calls import NoteCalls
from tieline_sync.handlers.provider_calls import ProviderCalls
from tieline_sync.handlers.read_health import ReadHealth
from tieline_sync.handlers.run_endpoint import RunEndpoint
from tieline_sync.handlers.tokens import Tokens

INDEXES: Final = {TOKENS: mongo_tokens.INDEXES, HEALTH: mongo_health.INDEXES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the process was told. Without a sealing key, new refresh tokens stay in the worker's own database."""

    outgoing: OutgoingSettings
    shared_token: str = field(repr=False)
    sealing_public_key: str
    apps: Mapping[str, OAuthApp]
    keep_answers: timedelta


class ProviderParts:
    """The parts of one process that call providers."""

    def __init__(
        self,
        options: Options,
        *,
        registry: RegistryClient,
        producer: RecordProducer,
        database: Database,
        clock: Clock,
    ) -> None:
        vault = Vault(options.shared_token)
        sealer = Sealer(options.sealing_public_key) if options.sealing_public_key else None
        timeout = options.outgoing.timeout
        integrations = RegistryIntegrations(registry)
        facts = SharedFacts(integrations)
        self._http = HostClients(options.outgoing)
        health_store = MongoHealthStore(database)
        self.tokens = Tokens(
            store=MongoTokenStore(database, vault),
            endpoint=HttpTokenEndpoint(self._http, clock, timeout=timeout),
            rotation=RegistryRotation(registry, producer, sealer, apps=options.apps, clock=clock),
            naming=vault,
            clock=clock,
            new_id=new_id,
        )
        self.health_log = HealthLog(health_store, KafkaHealthEvents(producer, clock), clock)
        self.note_calls = NoteCalls(integrations, self.health_log)
        self.read_health = ReadHealth(health_store, clock)
        self.sessions = Sessions(self._http, self.tokens, clock, apps=options.apps)
        self.calls = ProviderCalls(
            integrations=facts,
            providers={
                "pagerduty": PagerDuty(self.sessions),
                "linear": Linear(self.sessions),
                "sentry": Sentry(self.sessions),
            },
            health=self.health_log,
            clock=clock,
            timeout=timeout,
            keep=options.keep_answers,
        )

        self.sandbox = Sandbox()
        endpoint_calls = EndpointCalls(
            server=HttpEndpointServer(self._http, clock),
            tokens=self.tokens,
            health=self.health_log,
            timeout=timeout,
            monotonic=time.monotonic,
            chance=random.random,
        )
        self.run_endpoint = RunEndpoint(
            integrations=facts,
            calls=endpoint_calls,
            evaluator=self.sandbox,
            naming=vault,
            apps=options.apps,
            new_id=new_id,
        )
        self.rest_connector = RestConnector(endpoint_calls, self.sandbox, apps=options.apps, new_id=new_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep connections open; on leaving, end what is under way."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._http)
            stack.push_async_callback(self.sandbox.close)
            stack.push_async_callback(self.tokens.close)
            stack.push_async_callback(self.calls.close)
            yield
