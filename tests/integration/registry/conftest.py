"""A registry on the session's broker and database, with a workspace of its own."""

from collections.abc import AsyncIterator

import pytest
from tieline.operator import CreatedWorkspace, create_workspace
from tieline.registry_client import RegistryClient
from tieline.settings import KafkaSettings
from tieline.topics import apply_topics
from tieline_registry.settings import RegistrySettings

from tests.support.registry import Asker, asking, registry_settings, running_registry


@pytest.fixture
async def kafka(kafka_server: str, topic_prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(settings)
    return settings


@pytest.fixture
def settings(kafka: KafkaSettings, mongo_server: str, mongo_database: str) -> RegistrySettings:
    return registry_settings(kafka, mongo_url=mongo_server, database=mongo_database)


@pytest.fixture
async def registry(settings: RegistrySettings) -> AsyncIterator[RegistryClient]:
    async with running_registry(settings) as client:
        yield client


@pytest.fixture
async def workspace(registry: RegistryClient, kafka: KafkaSettings) -> CreatedWorkspace:
    return await create_workspace(kafka, slug="org-acme", name="Acme")


@pytest.fixture
async def asker(workspace: CreatedWorkspace, kafka: KafkaSettings) -> AsyncIterator[Asker]:
    async with asking(kafka) as asker:
        asker.workspace_id = workspace.workspace_id
        yield asker
