"""Secrets at rest: nowhere in clear, bound to their place, rotated while everything goes on."""

import asyncio
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient, MongoClient
from tieline.contracts.commands import Workspace
from tieline.errors import RegistryUnavailableError
from tieline.ids import new_id
from tieline.operator import create_workspace
from tieline.registry_client import RegistryClient
from tieline.secrets.envelope import MasterKeys
from tieline.settings import InternalSettings, KafkaSettings
from tieline.topics import CATALOGUE
from tieline_cli.errors import KeysNotRotatedError
from tieline_cli.keys import SystemKeys
from tieline_cli.rotation import rotate_keys
from tieline_registry.adapters import documents
from tieline_registry.adapters.vault import Vault
from tieline_registry.domain.state import WorkspaceState
from tieline_registry.handlers.rotate_keys import STEP
from tieline_registry.settings import RegistrySettings

from tests.support.crashing_registry import CRASH_POINT, CRASHING
from tests.support.registry import KEYS, Asker, a_draft, asking, running_registry
from tests.support.registry_process import registry_process
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


async def test_a_rotation_goes_on_after_the_registry_was_killed_in_it(
    settings: RegistrySettings, tmp_path: Path
) -> None:
    count, newer, told = 2 * STEP + 50, SystemKeys.generate("newer"), list[str]()
    both = with_master_keys(settings, f"{newer.master_keys},{KEYS.master_keys}")
    async with (
        AsyncMongoClient[dict[str, Any]](settings.mongo.url.get_secret_value()) as client,
        registry_process(both, tmp_path / "first", module=CRASHING, **{CRASH_POINT: "amid-rotation"}) as crashing,
        registry_process(both, tmp_path / "second") as registry,
    ):
        workspaces = client[settings.mongo.database]["workspaces"]
        await workspaces.insert_many(workspace_documents(count))
        await crashing.start()
        with pytest.raises(KeysNotRotatedError):
            await asyncio.to_thread(rotate_keys, at(both, crashing.address), told.append)
        assert await crashing.ended() == -signal.SIGKILL
        done = await workspaces.count_documents({"data_key.master_kid": "newer"})

        await registry.start()
        await asyncio.to_thread(rotate_keys, at(both, registry.address), told.append)
        rotated = await workspaces.find().to_list()

    assert 0 < done < count
    assert f"{count - done} wrapped anew, 0 remaining" in told
    only_newer = Vault(MasterKeys(newer.master_keys))
    for document in rotated:
        only_newer.rewrapped(documents.data_key_of(document), document["_id"])  # or it would not open


def workspace_documents(count: int) -> list[dict[str, Any]]:
    """Return workspaces with data keys wrapped by the test's master key."""
    vault, now = Vault(MasterKeys(KEYS.master_keys)), datetime.now(UTC)
    named = [Workspace(id=new_id(), slug=f"org-{number}", name="Org", created_at=now) for number in range(count)]
    return [documents.workspace_document(WorkspaceState(workspace=one), vault.new_key(one.id)) for one in named]


def at(settings: RegistrySettings, address: str) -> InternalSettings:
    """Return how an operator finds a registry."""
    return settings.internal.model_copy(update={"registry_url": address})


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
