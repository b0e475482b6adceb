"""Fixtures of the sync tests."""

from collections.abc import AsyncIterator

import pytest_asyncio
from tieline.kafka.producer import RecordProducer
from tieline.settings import KafkaSettings
from tieline.topics import apply_topics

from tests.integration.sync.bench import SyncBench, followed, sync_settings
from tests.support.registry_stub import registry_stub


@pytest_asyncio.fixture
async def bench(
    kafka_server: str, mongo_server: str, mongo_database: str, topic_prefix: str
) -> AsyncIterator[SyncBench]:
    """A workbench on the session's broker and database, with topics and a database of its own."""
    kafka = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(kafka)
    async with (
        registry_stub() as (registry, address),
        RecordProducer(kafka, client_id="tests") as producer,
        followed(kafka) as log,
    ):
        yield SyncBench(sync_settings(kafka, mongo_server, mongo_database, address), registry, producer, log)
