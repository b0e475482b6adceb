"""Puts the registry together: settings read once, connections opened and closed with the app."""

import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from starlette.applications import Starlette
from starlette.types import ASGIApp
from tieline.clock import Clock, system_clock
from tieline.errors import ConfigurationError
from tieline.kafka.producer import RecordProducer
from tieline.secrets.envelope import MasterKeys
from tieline.secrets.sealing import Opener
from tieline.service.background import BackgroundTasks
from tieline.service.health import Health
from tieline.service_tokens import SHORTEST_TOKEN

from tieline_registry.adapters import mongo
from tieline_registry.adapters.collections import apply_indexes
from tieline_registry.adapters.mongo_ids import MongoIds
from tieline_registry.adapters.mongo_keys import MongoKeys
from tieline_registry.adapters.mongo_reads import MongoReads
from tieline_registry.adapters.mongo_store import MongoStore
from tieline_registry.adapters.mongo_uses import MongoUses
from tieline_registry.adapters.vault import Vault
from tieline_registry.domain.limits import Limits
from tieline_registry.entrypoints.http import InternalHttp
from tieline_registry.entrypoints.kafka import Consumers, build_router, when_possible
from tieline_registry.handlers.apply_commands import ApplyCommands
from tieline_registry.handlers.last_word import LastWord
from tieline_registry.handlers.list_integrations import ListIntegrations
from tieline_registry.handlers.note_uses import NoteUses
from tieline_registry.handlers.reads import Reads
from tieline_registry.handlers.rebuild_topics import RebuildTopics
from tieline_registry.handlers.record_syncs import RecordSyncs
from tieline_registry.handlers.rotate_keys import RotateKeys
from tieline_registry.settings import RegistrySettings

ROOM_FOR_HEADERS = 65_536  # of a record that must fit one batch of the producer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a registry is made of, and what a test may replace: how it sends records, and its clock."""

    producer: RecordProducer
    clock: Clock


def default_parts(settings: RegistrySettings) -> Parts:
    """Return the parts of a registry in earnest."""
    return Parts(producer=RecordProducer(settings.kafka, client_id=client_id()), clock=stored_clock)


def client_id() -> str:
    """Return the name by which this process shows in the broker's logs and groups."""
    return f"registry-{socket.gethostname()}-{os.getpid()}"


def stored_clock() -> datetime:
    """Return the present instant to the millisecond, which is what MongoDB keeps: replies and reads tell the same."""
    now = system_clock()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def create_app(settings: RegistrySettings, parts: Parts | None = None) -> tuple[ASGIApp, Health]:
    """Return the registry's app and its health. Nothing is connected before the app's lifespan starts.

    Raises ConfigurationError.
    """
    if not settings.internal.tokens.long_enough:
        raise ConfigurationError(f"TIELINE_INTERNAL__TOKEN: needs at least {SHORTEST_TOKEN} characters")
    parts = parts or default_parts(settings)
    producer = parts.producer
    vault = Vault(MasterKeys(settings.secrets.master_keys.get_secret_value()))
    opener = Opener(settings.secrets.sealing_private_keys.get_secret_value())
    client = mongo.connect(settings.mongo)
    database = client[settings.mongo.database]
    store = MongoStore(client, database, vault)
    reading = MongoReads(database, vault)
    uses = NoteUses(MongoUses(database))
    reads = Reads(reading, clock=parts.clock, uses=uses)
    apply_commands = ApplyCommands(
        store=store,
        opener=opener,
        producer=producer,
        clock=parts.clock,
        limits=_limits(settings),
    )
    consumers = Consumers(
        settings.kafka,
        client_id=client_id(),
        build_router=lambda: build_router(
            settings.kafka,
            producer=producer,
            apply_commands=apply_commands,
            record_syncs=RecordSyncs(store=store, producer=producer, clock=parts.clock),
            max_batch=settings.registry.max_batch,
        ),
    )

    async def work() -> None:
        await when_possible("indexes", lambda: create_indexes_in(database, settings))
        await consumers.run()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(client.close)
            stack.push_async_callback(producer.stop)
            background = await stack.enter_async_context(BackgroundTasks())
            background.start("producer", producer.start_when_possible())
            background.start("work", work())
            background.start("notes of uses", uses.run())
            yield

    health = Health({"mongo": lambda: mongo.missing(client), "kafka": producer.check, "commands": consumers.missing})
    rotate_keys = RotateKeys(store=MongoKeys(database), wrapper=vault)
    rebuild_topics = RebuildTopics(
        ids=MongoIds(database),
        store=store,
        last_word=LastWord(store=store, producer=producer, clock=parts.clock),
        clock=parts.clock,
    )
    lists = ListIntegrations(reading, most_entries=settings.registry.most_listed_in_memory, monotonic=time.monotonic)
    http = InternalHttp(
        reads,
        lists,
        rotate_keys,
        rebuild_topics,
        tokens=settings.internal.tokens,
        opening_tokens=settings.internal.opening_tokens,
        max_body_bytes=settings.http.max_body_bytes,
    )
    return Starlette(routes=[*http.routes(), *health.routes()], lifespan=lifespan), health


async def create_indexes(settings: RegistrySettings) -> None:
    """Create the indexes that are missing, once. Raises DatabaseUnavailableError."""
    client = mongo.connect(settings.mongo)
    try:
        await create_indexes_in(client[settings.mongo.database], settings)
    finally:
        await client.close()


async def create_indexes_in(database: mongo.Database, settings: RegistrySettings) -> None:
    """Create the indexes that are missing in `database`. Raises DatabaseUnavailableError."""
    options = settings.registry
    await apply_indexes(database, commands_kept=options.commands_kept, audit_kept=options.audit_kept)


def _limits(settings: RegistrySettings) -> Limits:
    options = settings.registry
    return Limits(
        integrations=options.most_integrations,
        routes=options.most_routes,
        api_keys=options.most_api_keys,
        reply_bytes=settings.kafka.max_batch_bytes - ROOM_FOR_HEADERS,
    )
