"""A registry that is killed, replaced or joined by another applies every command once."""

import asyncio
import signal
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pymongo import AsyncMongoClient
from tieline.contracts.commands import Reply, SaveIntegrations, Target
from tieline.contracts.integrations import Integration
from tieline.ids import derived_id
from tieline.kafka.records import OutgoingRecord
from tieline.kafka.requests import REPLY_PARTITION
from tieline.operator import create_workspace
from tieline.settings import KafkaSettings
from tieline.topics import APPLY_COMMANDS_GROUP, GATEWAY_REPLIES, INTEGRATION_EVENTS, RECORD_SYNCS_GROUP
from tieline_registry.settings import RegistrySettings

from tests.support.consumer_groups import without_ghosts
from tests.support.crashing_registry import CRASH_POINT, CRASHING
from tests.support.gateway_process import gateway_process
from tests.support.registry import Asker, a_draft, asking, command_record, running_registry
from tests.support.registry_process import registry_process
from tests.support.topics import records_of
from tests.support.waiting import eventually


async def a_workspace(settings: RegistrySettings, slug: str = "org") -> str:
    async with running_registry(settings):
        return (await create_workspace(settings.kafka, slug=slug, name="Org")).workspace_id


async def test_killed_between_the_database_and_kafka_it_answers_after_the_restart(
    settings: RegistrySettings, tmp_path: Path
) -> None:
    workspace_id = await a_workspace(settings)
    async with (
        asking(settings.kafka) as asker,
        registry_process(settings, tmp_path / "log", module=CRASHING, **{CRASH_POINT: "before-publish"}) as crashing,
    ):
        asker.workspace_id = workspace_id
        await crashing.start()
        awaited = asyncio.create_task(asker.ask(asker.save(a_draft(), secrets={"auth.token": "s3cret"})))

        assert await crashing.ended() == -signal.SIGKILL
        assert await records_of(settings.kafka, INTEGRATION_EVENTS) == []
        assert not awaited.done()

        async with running_registry(settings) as registry:
            reply = await awaited
            page = await registry.list_integrations(workspace_id)
            entries = (await registry.list_audit(workspace_id)).items

    assert page.items == reply.integrations
    assert [one.revision for one in page.items] == [1]
    assert [entry.action for entry in entries] == ["integration.save", "workspace.create"]
    (event,) = await records_of(settings.kafka, INTEGRATION_EVENTS)
    assert Integration.model_validate_json(event.value or b"") == page.items[0]


async def test_killed_before_the_offset_was_committed_it_publishes_the_same_again(
    settings: RegistrySettings, tmp_path: Path
) -> None:
    workspace_id = await a_workspace(settings)
    async with (
        asking(settings.kafka) as asker,
        registry_process(settings, tmp_path / "log", module=CRASHING, **{CRASH_POINT: "after-publish"}) as crashing,
    ):
        asker.workspace_id = workspace_id
        await crashing.start()
        command = asker.save(a_draft())
        reply = await asker.ask(command)

        assert await crashing.ended() == -signal.SIGKILL
        async with running_registry(settings) as registry:

            async def published_again() -> bool:
                return len(await records_of(settings.kafka, INTEGRATION_EVENTS)) == 2

            await eventually(published_again, within=40)
            page = await registry.list_integrations(workspace_id)

    assert page.items == reply.integrations
    first, second = await records_of(settings.kafka, INTEGRATION_EVENTS)
    assert (second.event_id, second.value, second.headers) == (first.event_id, first.value, first.headers)
    replies = [
        record
        for record in await records_of(settings.kafka, GATEWAY_REPLIES)
        if record.headers["causation_id"] == command.command_id
    ]
    assert len(replies) == 2
    assert (replies[0].event_id, replies[0].value) == (replies[1].event_id, replies[1].value)


async def test_killed_amid_its_transaction_half_an_array_is_never_seen(
    settings: RegistrySettings, tmp_path: Path
) -> None:
    workspace_id = await a_workspace(settings)
    seen: set[int] = set()
    async with (
        asking(settings.kafka) as asker,
        registry_process(settings, tmp_path / "log", module=CRASHING, **{CRASH_POINT: "amid-transaction"}) as crashing,
        AsyncMongoClient[dict[str, object]](settings.mongo.url.get_secret_value()) as client,
    ):
        integrations = client[settings.mongo.database]["integrations"]

        async def watch() -> None:
            while True:
                seen.add(await integrations.count_documents({"workspace_id": workspace_id}))

        asker.workspace_id = workspace_id
        await crashing.start()
        watching = asyncio.create_task(watch())
        array = asker.save(*(a_draft(f"i{number:03}") for number in range(ARRAY)))
        awaited = asyncio.create_task(asker.ask(array))
        assert await crashing.ended() == -signal.SIGKILL
        assert seen == {0}

        async with running_registry(settings) as registry:
            reply = await awaited
            page = await registry.list_integrations(workspace_id, limit=ARRAY)
            entries = (await registry.list_audit(workspace_id)).items
        await eventually(lambda: ARRAY in seen)
        watching.cancel()

    assert seen == {0, ARRAY}
    assert [one.revision for one in page.items] == [1] * ARRAY
    assert page.items == reply.integrations
    assert [entry.action for entry in entries] == ["integration.save", "workspace.create"]


async def test_a_gateway_killed_while_it_waits_is_asked_again_under_the_same_key(
    settings: RegistrySettings, tmp_path: Path
) -> None:
    body: dict[str, Any] = {"name": "Sentry", "integration_type": "sentry", "auth_data": {"access_token": "t"}}

    async def save(address: str, api_key: str, body: dict[str, Any]) -> httpx2.Response:
        headers = {"x-api-key": api_key, "idempotency-key": "save-1"}
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
            return await http.post(f"{address}/api/v2/integrations/save", json=body, headers=headers)

    async with (
        registry_process(settings, tmp_path / "first", module=CRASHING, **{CRASH_POINT: "before-publish"}) as crashing,
        registry_process(settings, tmp_path / "second") as registry,
    ):
        await crashing.start()
        key = (await create_workspace(settings.kafka, slug="org", name="Org")).api_key or ""
        async with gateway_process(settings.kafka, tmp_path / "gw-1", registry_url=crashing.address) as gateway:
            awaited = asyncio.create_task(save(gateway.address, key, body))
            assert await crashing.ended() == -signal.SIGKILL  # it has saved, and told nobody
            assert not awaited.done()
            await gateway.kill()
            with pytest.raises(httpx2.HTTPError):
                await awaited

        await registry.start()
        async with gateway_process(settings.kafka, tmp_path / "gw-2", registry_url=registry.address) as gateway:
            again = await save(gateway.address, key, body)
            other = await save(gateway.address, key, {**body, "name": "Other"})
            async with httpx2.AsyncClient(trust_env=False, headers={"x-api-key": key}) as http:
                listed = (await http.get(f"{gateway.address}/integrations/all")).json()["integrations"]

    assert again.status_code == 200
    assert other.status_code == 409
    assert [one["id"] for one in listed] == [again.json()["data"]["integration_id"]]


ARRAY = 200
WORKSPACES = 20


@pytest.mark.parametrize(("leaves", "steps"), [(signal.SIGTERM, 20), (signal.SIGKILL, 40)])
async def test_two_registries_with_rebalances_amid_a_load_apply_each_command_once_and_in_order(
    settings: RegistrySettings, tmp_path: Path, leaves: signal.Signals, steps: int
) -> None:
    settings = settings.model_copy(update={"registry": settings.registry.model_copy(update={"max_batch": 50})})
    kafka = settings.kafka
    async with (
        asking(kafka) as asker,
        without_ghosts(kafka, (APPLY_COMMANDS_GROUP, RECORD_SYNCS_GROUP)),
        registry_process(settings, tmp_path / "first") as first,
        registry_process(settings, tmp_path / "second") as second,
    ):
        await first.start()
        workspaces = [
            (await create_workspace(kafka, slug=f"org-{number}", name="Org")).workspace_id
            for number in range(WORKSPACES)
        ]
        load = [a_step(asker, workspace, step) for step in range(steps) for workspace in workspaces]
        joins, leaves_at = len(load) * 2 // 5, len(load) * 7 // 10
        await send(asker, load[:joins])
        await second.start()
        await send(asker, load[joins:leaves_at])
        await eventually(lambda: replied(kafka, load[: len(load) // 2]), within=120, every=1)
        await first.end(leaves)
        await send(asker, load[leaves_at:])
        await eventually(lambda: replied(kafka, load), within=120, every=1)

    await assert_applied_once_in_order(settings, workspaces, load, steps)


def a_step(asker: Asker, workspace_id: str, step: int) -> SaveIntegrations:
    """The step-th change of a workspace's one integration; each expects the revision that the one before left."""
    draft = a_draft(
        target=Target(by="name", value="counter"),
        name="counter",
        new_id=derived_id("counter", workspace_id),
        config={"step": step},
        expected_revision=step or None,
    )
    command_id = derived_id("step", workspace_id, str(step))
    return SaveIntegrations(**asker.base(workspace_id=workspace_id, command_id=command_id), drafts=[draft])


async def send(asker: Asker, commands: list[SaveIntegrations]) -> None:
    records: list[OutgoingRecord] = [command_record(command, {REPLY_PARTITION: "3"}) for command in commands]
    await asker.producer.send_all(records)


async def replied(kafka: KafkaSettings, commands: list[SaveIntegrations]) -> bool:
    replies = {record.headers["causation_id"] for record in await records_of(kafka, GATEWAY_REPLIES)}
    return {command.command_id for command in commands} <= replies


async def assert_applied_once_in_order(
    settings: RegistrySettings, workspaces: list[str], load: list[SaveIntegrations], steps: int
) -> None:
    sent: dict[str, list[str]] = defaultdict(list)
    for command in load:
        sent[command.workspace_id].append(command.command_id)
    answers: dict[str, set[bytes | None]] = defaultdict(set)
    for record in await records_of(settings.kafka, GATEWAY_REPLIES):
        answers[record.headers["causation_id"]].add(record.value)
    for command in load:
        (value,) = answers[command.command_id]  # the same reply, however often it was sent
        assert Reply.model_validate_json(value or b"").refusal is None
    last = {record.key: record for record in await records_of(settings.kafka, INTEGRATION_EVENTS)}

    async with running_registry(settings) as registry:
        for workspace_id in workspaces:
            (counter,) = (await registry.list_integrations(workspace_id)).items
            assert (counter.revision, counter.config) == (steps, {"step": steps - 1})
            audit = (await registry.list_audit(workspace_id, limit=steps + 1)).items
            applied = [entry.command_id for entry in reversed(audit) if entry.action == "integration.save"]
            assert applied == sent[workspace_id]
            assert Integration.model_validate_json(last[counter.id].value or b"") == counter
    assert Counter(record.key for record in last.values()).keys() == {
        derived_id("counter", workspace_id) for workspace_id in workspaces
    }
