"""A database that was restored from a backup is brought up to date by the commands that Kafka still keeps."""

from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import MongoClient
from tieline.contracts.commands import DeleteRoute, SaveRoute
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.kafka.connection import connection_arguments
from tieline.operator import create_workspace
from tieline.registry_client import RegistryClient
from tieline.settings import KafkaSettings
from tieline.topics import APPLY_COMMANDS_GROUP, INTEGRATION_EVENTS, REGISTRY_COMMANDS, ROUTE_EVENTS
from tieline_registry.settings import RegistrySettings

from tests.support.registry import Asker, a_draft, asking, running_registry
from tests.support.topics import records_of
from tests.support.waiting import eventually

START = datetime(2026, 1, 1, tzinfo=UTC)
Backup = dict[str, list[dict[str, Any]]]


def backed_up(database: Any) -> Backup:
    return {name: list(database[name].find()) for name in database.list_collection_names()}


def restore(database: Any, backup: Backup) -> None:
    for name in database.list_collection_names():
        database[name].delete_many({})
        if backup.get(name):
            database[name].insert_many(backup[name])


async def set_back(kafka: KafkaSettings) -> None:
    """Let the registry's group begin again at the first command, as `kafka-consumer-groups.sh --reset-offsets` does."""
    consumer = AIOKafkaConsumer(
        **connection_arguments(kafka), group_id=kafka.topic_prefix + APPLY_COMMANDS_GROUP, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(kafka.topic_prefix + REGISTRY_COMMANDS, number) for number in range(12)]
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
    finally:
        await consumer.stop()


async def what_there_is(registry: RegistryClient, workspace_id: str) -> tuple[list[Integration], list[ChannelRoute]]:
    """Return integrations and routes, but for the times of their changes: those are when a command was applied."""
    times = {"created_at": START, "updated_at": START}
    integrations = (await registry.list_integrations(workspace_id)).items
    routes = (await registry.list_routes(workspace_id)).items
    return [each.model_copy(update=times) for each in integrations], [each.model_copy(update=times) for each in routes]


async def test_what_was_saved_after_the_backup_is_applied_again_and_nothing_twice(settings: RegistrySettings) -> None:
    kafka = settings.kafka
    with MongoClient[dict[str, Any]](settings.mongo.url.get_secret_value()) as client:
        database = client[settings.mongo.database]
        async with asking(kafka) as asker:
            async with running_registry(settings):
                asker.workspace_id = (await create_workspace(kafka, slug="org", name="Org")).workspace_id
                await asker.ask(asker.save(a_draft("early", description="old"), secrets={"auth.token": "first"}))
                early_route = await a_route(asker)
            backup = backed_up(database)
            async with running_registry(settings) as registry:
                await asker.ask(asker.save(a_draft("early", description="new"), secrets={"auth.token": "second"}))
                await asker.ask(asker.save(a_draft("late"), secrets={"auth.token": "third"}))
                await asker.ask(DeleteRoute(**asker.base(), route_id=early_route))
                late_route = await a_route(asker)
                await asker.ask(SaveRoute(**asker.base(), route_id=late_route, create=False, channel_id="C9"))
                before = await what_there_is(registry, asker.workspace_id)
            entries = database["audit"].count_documents({})
            assert [integration.description for integration in before[0]] == ["new", None]
            assert [(route.id, route.channel_id) for route in before[1]] == [(late_route, "C9")]

            restore(database, backup)
            await set_back(kafka)

            async with running_registry(settings) as registry:

                async def as_before() -> bool:
                    return await what_there_is(registry, asker.workspace_id) == before

                await eventually(as_before, within=30)
                audited = database["audit"].count_documents({})
                secrets = {
                    integration.name: (await registry.open_credentials(asker.workspace_id, integration.id))
                    for integration in before[0]
                }
                gone = {topic: await forgotten(registry, kafka, topic) for topic in (INTEGRATION_EVENTS, ROUTE_EVENTS)}

        assert {name: opened and opened.secrets["auth.token"] for name, opened in secrets.items()} == {
            "early": "second",
            "late": "third",
        }
        assert audited == entries
        assert gone == {INTEGRATION_EVENTS: 0, ROUTE_EVENTS: 0}


async def a_route(asker: Asker) -> str:
    route = (await asker.ask(asker.route())).route
    assert route is not None
    return route.id


async def forgotten(registry: RegistryClient, kafka: KafkaSettings, topic: str) -> int:
    """Return how many keys a rebuild would forget: what the topic tells of last, but the registry does not know."""
    last = {record.key: record for record in await records_of(kafka, topic)}
    keys = {key: record.headers["workspace_id"] for key, record in last.items() if record.value is not None}
    return (await registry.forget_keys("routes" if topic == ROUTE_EVENTS else "integrations", keys)).published
