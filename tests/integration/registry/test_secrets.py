"""Secrets at rest: nowhere in clear, bound to their place, rotated while everything goes on."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from tieline.errors import RegistryUnavailableError
from tieline.operator import create_workspace
from tieline.registry_client import RegistryClient
from tieline.settings import KafkaSettings
from tieline.topics import CATALOGUE
from tieline_cli.keys import SystemKeys
from tieline_registry.settings import RegistrySettings

from tests.support.registry import KEYS, Asker, a_draft, asking, running_registry
from tests.support.topics import records_of

SECRET = "hunter2-and-more"


async def test_a_secret_is_nowhere_in_clear(
    registry: RegistryClient, asker: Asker, kafka: KafkaSettings, mongo_server: str, mongo_database: str
) -> None:
    saved = (await asker.ask(asker.save(a_draft(), secrets={"auth.token": SECRET}))).integrations[0]
    await registry.open_credentials(asker.workspace_id, saved.id)

    for topic in CATALOGUE:
        for record in await records_of(kafka, topic.name):
            assert SECRET.encode() not in (record.value or b"")
            assert SECRET not in str(record.headers)
    with MongoClient[dict[str, Any]](mongo_server) as client:
        database = client[mongo_database]
        for name in database.list_collection_names():
            assert SECRET not in str(list(database[name].find()))


@pytest.mark.parametrize("moved_to", ["another field", "another integration", "another workspace"])
async def test_a_ciphertext_that_was_moved_does_not_open(
    registry: RegistryClient, asker: Asker, settings: RegistrySettings, moved_to: str
) -> None:
    first = (await asker.ask(asker.save(a_draft("a"), secrets={"auth.token": SECRET}))).integrations[0]
    target = (await asker.ask(asker.save(a_draft("b"), secrets={"auth.token": "x"}))).integrations[0]
    if moved_to == "another workspace":
        other = replace(
            asker, workspace_id=(await create_workspace(settings.kafka, slug="other", name="Other")).workspace_id
        )
        target = (await other.ask(other.save(a_draft("b"), secrets={"auth.token": "x"}))).integrations[0]
    elif moved_to == "another field":
        target = first

    with MongoClient[dict[str, Any]](settings.mongo.url.get_secret_value()) as client:
        integrations = client[settings.mongo.database]["integrations"]
        (secret,) = integrations.find_one({"_id": first.id})["secrets"]  # type: ignore[index]  # it was just saved
        if moved_to == "another field":
            secret["path"] = "auth.code"
        integrations.update_one({"_id": target.id}, {"$set": {"secrets": [secret]}})

    with pytest.raises(RegistryUnavailableError):
        await registry.open_credentials(target.workspace_id, target.id)


async def test_master_keys_rotate_while_secrets_open_and_an_interrupted_rotation_goes_on(
    settings: RegistrySettings, kafka: KafkaSettings, mongo_server: str, mongo_database: str
) -> None:
    saved = []
    async with running_registry(settings), asking(kafka) as asker:
        for number in range(5):
            asker.workspace_id = (await create_workspace(kafka, slug=f"org-{number}", name="Org")).workspace_id
            saved += (await asker.ask(asker.save(a_draft(), secrets={"auth.token": f"secret {number}"}))).integrations
    newer = SystemKeys.generate("newer")

    both = with_master_keys(settings, f"{newer.master_keys},{KEYS.master_keys}")
    async with running_registry(both) as registry:
        interrupted = await registry.rotate_keys(limit=2)
        for number, integration in enumerate(saved):
            opened = await registry.open_credentials(integration.workspace_id, integration.id)
            assert opened is not None
            assert opened.secrets == {"auth.token": f"secret {number}"}
        rest = await registry.rotate_keys()
        nothing = await registry.rotate_keys()

    assert (interrupted.active_kid, interrupted.rewrapped, interrupted.remaining) == ("newer", 2, 3)
    assert (rest.rewrapped, rest.remaining, nothing.rewrapped) == (3, 0, 0)
    async with running_registry(with_master_keys(settings, newer.master_keys)) as registry:
        opened = await registry.open_credentials(saved[0].workspace_id, saved[0].id)
        assert opened is not None
        assert opened.secrets == {"auth.token": "secret 0"}


async def test_a_data_key_whose_master_key_is_gone_is_passed_over_and_counted(
    settings: RegistrySettings, kafka: KafkaSettings
) -> None:
    async with running_registry(settings):
        await create_workspace(kafka, slug="org", name="Org")

    async with running_registry(with_master_keys(settings, SystemKeys.generate("other").master_keys)) as registry:
        rotation = await registry.rotate_keys()

    assert (rotation.rewrapped, rotation.remaining, rotation.unopenable) == (0, 1, 1)


def with_master_keys(settings: RegistrySettings, master_keys: str) -> RegistrySettings:
    secrets = settings.secrets.model_copy(update={"master_keys": SecretStr(master_keys)})
    return settings.model_copy(update={"secrets": secrets})
