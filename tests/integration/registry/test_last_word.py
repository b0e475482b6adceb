"""A registry that publishes late does not leave an older state as the last record of a key."""

from collections.abc import AsyncIterator

import pytest
from tieline.clock import system_clock
from tieline.contracts.commands import DeleteIntegration, DeleteRoute, SaveRoute
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.kafka.records import IncomingRecord, OutgoingRecord
from tieline.registry_client import RegistryClient
from tieline.secrets.envelope import MasterKeys
from tieline.settings import KafkaSettings
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS
from tieline_registry.adapters import mongo
from tieline_registry.adapters.mongo_store import MongoStore
from tieline_registry.adapters.vault import Vault
from tieline_registry.handlers.last_word import LastWord
from tieline_registry.settings import RegistrySettings

from tests.support.registry import KEYS, Asker, a_draft
from tests.support.topics import records_of


@pytest.fixture
async def late(settings: RegistrySettings, registry: RegistryClient, asker: Asker) -> AsyncIterator[LastWord]:
    """What a registry has left to do that was held up after it had saved."""
    client = mongo.connect(settings.mongo)
    store = MongoStore(client, client[settings.mongo.database], Vault(MasterKeys(KEYS.master_keys)))
    yield LastWord(store=store, producer=asker.producer, clock=system_clock)
    await client.close()


def again(record: IncomingRecord) -> OutgoingRecord:
    topic = INTEGRATION_EVENTS if record.topic.endswith(INTEGRATION_EVENTS) else ROUTE_EVENTS
    return OutgoingRecord(topic=topic, key=record.key, value=record.value, headers=record.headers)


async def test_an_older_integration_is_followed_by_the_present_one_under_its_own_id(
    late: LastWord, asker: Asker, kafka: KafkaSettings
) -> None:
    await asker.ask(asker.save(a_draft(description="old")))
    newest = (await asker.ask(asker.save(a_draft(description="new")))).integrations[0]
    old, new = await records_of(kafka, INTEGRATION_EVENTS)

    await late.publish([again(old)], saved={asker.workspace_id: 2})

    last = (await records_of(kafka, INTEGRATION_EVENTS))[-1]
    assert (last.event_id, last.value) == (new.event_id, new.value)
    assert Integration.model_validate_json(last.value or b"") == newest


async def test_what_was_deleted_meanwhile_is_followed_by_its_tombstone(
    late: LastWord, asker: Asker, kafka: KafkaSettings
) -> None:
    saved = (await asker.ask(asker.save(a_draft()))).integrations[0]
    await asker.ask(DeleteIntegration(**asker.base(), integration_id=saved.id))
    old, tombstone = await records_of(kafka, INTEGRATION_EVENTS)

    await late.publish([again(old)], saved={}, repeated=[asker.workspace_id])

    last = (await records_of(kafka, INTEGRATION_EVENTS))[-1]
    assert (last.event_id, last.key, last.value) == (tombstone.event_id, saved.id, None)


async def test_routes_have_a_true_last_word_as_well(late: LastWord, asker: Asker, kafka: KafkaSettings) -> None:
    kept, deleted = [(await asker.ask(asker.route())).route for _ in range(2)]
    assert kept is not None
    assert deleted is not None
    await asker.ask(SaveRoute(**asker.base(), route_id=kept.id, create=False, channel_id="C2"))
    await asker.ask(DeleteRoute(**asker.base(), route_id=deleted.id))
    first_of_each = {record.key: again(record) for record in reversed(await records_of(kafka, ROUTE_EVENTS))}

    await late.publish(list(first_of_each.values()), saved={asker.workspace_id: 1})

    last = {record.key: record.value for record in await records_of(kafka, ROUTE_EVENTS)}
    assert ChannelRoute.model_validate_json(last[kept.id] or b"").channel_id == "C2"
    assert last[deleted.id] is None


async def test_nothing_is_repeated_where_nothing_was_overtaken(
    late: LastWord, asker: Asker, kafka: KafkaSettings
) -> None:
    await asker.ask(asker.save(a_draft()))
    (only,) = await records_of(kafka, INTEGRATION_EVENTS)

    await late.publish([again(only)], saved={asker.workspace_id: 1}, repeated=[asker.workspace_id])

    assert len(await records_of(kafka, INTEGRATION_EVENTS)) == 2
