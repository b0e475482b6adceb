"""With MongoDB or Kafka away the registry stays up, says what is missing, and goes on when they are back."""

import asyncio
from pathlib import Path

from pydantic import SecretStr
from tieline.operator import create_workspace
from tieline.settings import KafkaSettings, MongoSettings
from tieline.topics import apply_topics
from tieline_cli.embedded import kafka as embedded_kafka
from tieline_cli.embedded import mongo as embedded_mongo
from tieline_cli.processes.ports import free_port
from tieline_registry.settings import RegistrySettings

from tests.support.registry import a_draft, asking
from tests.support.registry_process import registry_process
from tests.support.servers import running
from tests.support.waiting import eventually


async def test_it_waits_for_mongodb_and_then_applies_what_waited(settings: RegistrySettings, tmp_path: Path) -> None:
    port = free_port()
    mongo = MongoSettings(url=SecretStr(embedded_mongo.url(port)), database="away")
    settings = settings.model_copy(update={"mongo": mongo})
    server = embedded_mongo.program(tmp_path / "mongo", port)
    async with registry_process(settings, tmp_path / "log", TIELINE_MONGO__TIMEOUT="1") as registry:
        await registry.start(wait_for="/healthz")

        assert set(await registry.missing()) == {"mongo", "commands"}

        with running(server, tmp_path / "mongo.log"):
            await eventually(lambda: registry.answers("/readyz"), within=40)
            workspace = await create_workspace(settings.kafka, slug="org", name="Org")

        assert set(await registry.missing()) == {"mongo"}
        async with asking(settings.kafka) as asker:
            asker.workspace_id = workspace.workspace_id
            awaited = asyncio.create_task(asker.ask(asker.save(a_draft())))
            await eventually(lambda: "waiting to try a batch again" in registry.log.read_text())
            with running(server, tmp_path / "mongo.log"):
                reply = await awaited

    assert reply.created == [True]


async def test_it_waits_for_kafka(settings: RegistrySettings, tmp_path: Path) -> None:
    port = free_port()
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")
    settings = settings.model_copy(update={"kafka": kafka})
    async with registry_process(settings, tmp_path / "log") as registry:
        await registry.start(wait_for="/healthz")

        assert "kafka" in await registry.missing()

        with running(embedded_kafka.program(tmp_path / "kafka", port), tmp_path / "kafka.log"):
            await apply_topics(kafka)
            await eventually(lambda: registry.answers("/readyz"), within=40)
            created = await create_workspace(kafka, slug="org", name="Org")
            await registry.end()

    assert created.api_key is not None
