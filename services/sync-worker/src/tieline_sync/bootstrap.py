"""Puts the sync worker together: settings read once, connections opened and closed with the app."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Final

from fastapi import FastAPI
from faststream.kafka import KafkaRouter
from starlette.routing import Route
from starlette.types import ASGIApp
from tieline.clock import system_clock
from tieline.errors import ConfigurationError
from tieline.ids import new_id
from tieline.kafka.batches import GroupConsumer, build_broker
from tieline.kafka.producer import RecordProducer
from tieline.outgoing import OutgoingClient
from tieline.registry_client import RegistryClient
from tieline.service.background import BackgroundTasks
from tieline.service.health import Health
from tieline.service_tokens import SHORTEST_TOKEN
from tieline.topics import RUN_SYNCS_GROUP, SYNC_COMMANDS

from tieline_sync.adapters.connectors.catalogue import connectors
from tieline_sync.adapters.integrations import RegistryIntegrations
from tieline_sync.adapters.mongo import database as run_database
from tieline_sync.adapters.mongo.database import Database
from tieline_sync.adapters.mongo.datasets import MongoDatasetStore
from tieline_sync.adapters.mongo.raw_pages import MongoRawPages
from tieline_sync.adapters.mongo.record_reader import MongoRecordReader
from tieline_sync.adapters.mongo.records import MongoRecordStore
from tieline_sync.adapters.mongo.runs import MongoRunStore
from tieline_sync.adapters.mongo.schedules import MongoScheduleStore
from tieline_sync.adapters.providers import assembly
from tieline_sync.adapters.providers.assembly import Options, ProviderParts
from tieline_sync.adapters.run_commands import KafkaRunCommands
from tieline_sync.adapters.run_events import KafkaEvents
from tieline_sync.adapters.run_metrics import show_runs
from tieline_sync.domain.providers.authorization_code import TOKEN_URLS, OAuthApp
from tieline_sync.entrypoints.commands import CommandConsumer
from tieline_sync.entrypoints.dependencies import start_when_possible
from tieline_sync.entrypoints.http import InternalHttp
from tieline_sync.entrypoints.provider_http import ProviderHttp
from tieline_sync.entrypoints.runner import Pace, Runner
from tieline_sync.entrypoints.scheduler import follow_schedules
from tieline_sync.handlers.accept_runs import AcceptRuns
from tieline_sync.handlers.execute_run import ExecuteRun, RunPolicy
from tieline_sync.handlers.fetch import Fetch
from tieline_sync.handlers.ingest import Ingest
from tieline_sync.handlers.read_datasets import ReadDatasets
from tieline_sync.handlers.read_records import ReadRecords
from tieline_sync.handlers.read_runs import ReadRuns
from tieline_sync.handlers.run_schedules import Schedules
from tieline_sync.settings import SyncSettings

ENVELOPE_BYTES = 65_536  # around the body of a request that another service passes on


def to_the_millisecond() -> datetime:
    """Return the present instant as MongoDB keeps it, so that an instant read back equals the one that was written."""
    now = system_clock()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def create_app(settings: SyncSettings) -> tuple[ASGIApp, Health]:
    """Return the worker's app and its health. Nothing is connected before the app's lifespan starts."""
    if not settings.internal.tokens.long_enough:
        raise ConfigurationError(f"TIELINE_INTERNAL__TOKEN: needs at least {SHORTEST_TOKEN} characters")
    worker = Worker(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with worker.running():
            yield

    app = FastAPI(
        title="Tieline sync worker",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # requests are traced and measured in `tieline`
    )
    app.routes.extend(worker.health.routes())
    app.routes.extend(worker.internal_routes())
    return app, worker.health


class Worker:
    """The parts of one process."""

    def __init__(self, settings: SyncSettings) -> None:
        owner = f"{os.getpid()}-{new_id()}"
        self._settings = settings
        self._database = Database(settings.mongo)
        self._producer = RecordProducer(settings.kafka, client_id=f"sync-worker-{owner}")
        self._registry = RegistryClient(settings.internal)
        self._http = OutgoingClient(settings.outgoing)
        self._broker = build_broker(settings.kafka, client_id=f"sync-worker-{owner}")
        self.providers = ProviderParts(
            provider_options(settings),
            registry=self._registry,
            producer=self._producer,
            database=self._database,
            clock=to_the_millisecond,
        )
        self.runs = MongoRunStore(self._database)
        self.datasets = MongoDatasetStore(self._database)
        self.records = MongoRecordStore(self._database)
        self.pages = MongoRawPages(self._database)
        self.events = KafkaEvents(self._producer)
        self.schedules = Schedules(
            schedules=MongoScheduleStore(self._database),
            commands=KafkaRunCommands(self._producer),
            find_integration=self._registry.find_integration,
            clock=to_the_millisecond,
        )
        self.runner = self._runner(owner)
        self.accept = AcceptRuns(
            runs=self.runs,
            events=self.events,
            default_batch_size=settings.sync.batch_size,
            on_queued=self.runner.wake,
        )
        self.health = Health({"kafka": self._kafka_check, "mongo": self._database.check})
        show_runs(self._database, to_the_millisecond)
        self._subscribe()

    def internal_routes(self) -> list[Route]:
        """Return the interface for the other services."""
        tokens = self._settings.internal.tokens
        largest = self._settings.http.max_body_bytes
        providers = ProviderHttp(
            calls=self.providers.calls,
            run_endpoint=self.providers.run_endpoint,
            health=self.providers.read_health,
            note_calls=self.providers.note_calls,
            tokens=tokens,
            max_body_bytes=largest + ENVELOPE_BYTES,
        )
        runs = InternalHttp(
            runs=ReadRuns(self.runs),
            datasets=ReadDatasets(datasets=self.datasets, pages=self.pages, runs=self.runs),
            records=ReadRecords(datasets=self.datasets, records=MongoRecordReader(self._database)),
            schedules=self.schedules,
            clock=to_the_millisecond,
            tokens=tokens,
            max_body_bytes=largest,
        )
        return [*runs.routes(), *providers.routes()]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect, however long dependencies are away, and work; on leaving, give runs back and disconnect."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._database.close)
            await stack.enter_async_context(self._http)
            await stack.enter_async_context(self._registry)
            await stack.enter_async_context(self.providers.running())
            stack.push_async_callback(self._producer.stop)
            stack.push_async_callback(self._broker.stop)
            background = await stack.enter_async_context(BackgroundTasks())
            background.start("work", self._work(background))
            yield

    async def _work(self, background: BackgroundTasks) -> None:
        await self._producer.start_when_possible()
        await start_when_possible("indexes", lambda: self._database.apply_indexes(INDEXES))
        background.start("health of integrations", self.providers.health_log.run())
        background.start("schedules", follow_schedules(self.schedules, poll=self._settings.sync.schedule_poll))
        background.start("runner", self.runner.run())  # runs left by others do not wait for a group to settle
        await start_when_possible("command consumer", self._broker.start)

    def _subscribe(self) -> None:
        router = KafkaRouter()
        GroupConsumer(
            group=RUN_SYNCS_GROUP,
            topic=SYNC_COMMANDS,
            handle=CommandConsumer(self.accept),
            producer=self._producer,
        ).subscribe(router, self._settings.kafka)
        self._broker.include_router(router)

    def _runner(self, owner: str) -> Runner:
        sync = self._settings.sync
        execute = ExecuteRun(
            runs=self.runs,
            events=self.events,
            datasets=self.datasets,
            pages=self.pages,
            integrations=RegistryIntegrations(self._registry),
            connectors=connectors(
                self._http,
                self.providers.sessions,
                self.providers.tokens,
                to_the_millisecond,
                rest=self.providers.rest_connector,
                health=self.providers.health_log,
            ),
            fetch=Fetch(
                records=self.records, pages=self.pages, clock=to_the_millisecond, keep_pages=sync.keep_raw_pages
            ),
            ingest=Ingest(records=self.records, events=self.events, clock=to_the_millisecond),
            clock=to_the_millisecond,
            policy=RunPolicy(
                most_idle_attempts=sync.most_idle_attempts,
                longest_rate_limit=sync.longest_rate_limit,
                keep_runs=sync.keep_runs,
                keep_versions=sync.keep_versions,
                page_size=sync.page_size,
            ),
        )
        pace = Pace(concurrent_runs=sync.concurrent_runs, lease=sync.lease, poll=sync.poll)
        return Runner(owner=owner, runs=self.runs, execute=execute, clock=to_the_millisecond, pace=pace)

    async def _kafka_check(self) -> str | None:
        if not self._producer.connected:
            return "no Kafka broker answers"
        return None if await self._broker.ping(timeout=2.0) else "the command consumer is not connected"


INDEXES: Final = {**run_database.INDEXES, **assembly.INDEXES}


async def create_indexes(settings: SyncSettings) -> None:
    """Create the indexes that are missing, once. Raises DatabaseUnavailableError."""
    database = Database(settings.mongo)
    try:
        await database.apply_indexes(INDEXES)
    finally:
        await database.close()


def provider_options(settings: SyncSettings) -> Options:
    """Return what calls to providers need of the settings. Raises ConfigurationError."""
    apps = {}
    for provider, app in settings.providers.oauth_apps.items():
        token_url = app.token_url or TOKEN_URLS.get(provider)
        if not token_url:
            raise ConfigurationError(f"TIELINE_PROVIDERS__OAUTH_APPS: {provider} needs a token_url")
        apps[provider] = OAuthApp(
            client_id=app.client_id,
            client_secret=app.client_secret.get_secret_value(),
            token_url=token_url,
            redirect_uri=app.redirect_uri,
        )
    return Options(
        outgoing=settings.outgoing,
        shared_token=settings.internal.tokens.sent,
        sealing_public_key=settings.secrets.sealing_public_key.get_secret_value(),
        apps=apps,
        keep_answers=settings.providers.keep_answers,
    )
