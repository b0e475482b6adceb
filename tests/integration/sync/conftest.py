"""Fixtures of the sync tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.sync.bench import SyncBench, workbench


@pytest_asyncio.fixture
async def bench(
    kafka_server: str, mongo_server: str, mongo_database: str, topic_prefix: str
) -> AsyncIterator[SyncBench]:
    """A workbench on the session's broker and database, with topics and a database of its own."""
    async with workbench(kafka_server, mongo_server, mongo_database, topic_prefix) as made:
        yield made
