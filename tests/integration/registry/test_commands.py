"""Commands on a real broker and database: once each, in order, whole."""

from datetime import UTC, datetime, timedelta

from pymongo import MongoClient
from tieline.contracts.commands import Command, DeleteIntegration, DeleteRoute, SaveIntegrations, Target
from tieline.contracts.integrations import Integration
from tieline.contracts.sync import RunCompleted, RunEvent, RunFailed
from tieline.ids import new_id
from tieline.kafka.records import IncomingRecord, OutgoingRecord, cloudevent_headers
from tieline.kafka.requests import REPLY_PARTITION
from tieline.operator import create_workspace
from tieline.registry_client import RegistryClient
from tieline.settings import KafkaSettings
from tieline.topics import (
    APPLY_COMMANDS_GROUP,
    GATEWAY_REPLIES,
    INTEGRATION_EVENTS,
    ROUTE_EVENTS,
    SYNC_EVENTS,
    dead_letter_topic,
)
from tieline_registry.settings import RegistrySettings

from tests.support.registry import Asker, a_draft, asking, command_record, running_registry
from tests.support.topics import records_of
from tests.support.waiting import eventually


async def test_the_same_command_again_gets_the_same_reply_and_changes_nothing(
    registry: RegistryClient, asker: Asker, kafka: KafkaSettings
) -> None:
    command = asker.save(a_draft(config={"a": 1}), fingerprint="f1")

    first = await asker.ask(command)
    again = await asker.ask(command)

    assert again == first
    page = await registry.list_integrations(asker.workspace_id)
    assert [one.revision for one in page.items] == [1]
    assert len(await records_of(kafka, INTEGRATION_EVENTS)) == 1


async def test_another_command_under_the_same_id_is_refused_and_changes_nothing(
    registry: RegistryClient, asker: Asker
) -> None:
    command = asker.save(a_draft(config={"a": 1}), fingerprint="f1")
    other = asker.save(a_draft(config={"a": 2}), fingerprint="f2", command_id=command.command_id)

    first = await asker.ask(command)
    refused = await asker.ask(other)
    again = await asker.ask(command)

    assert refused.refusal is not None
    assert refused.refusal.code == "idempotency_key_reused"
    assert again == first
    page = await registry.list_integrations(asker.workspace_id)
    assert [one.config for one in page.items] == [{"a": 1}]


async def test_two_bodies_under_one_id_in_one_batch_are_told_apart(
    registry: RegistryClient, asker: Asker, kafka: KafkaSettings
) -> None:
    one = asker.save(a_draft("a"), secrets={"auth.token": "s3cret"}, fingerprint="f1")
    two = asker.save(a_draft("b"), a_draft("c"), fingerprint="f2", command_id=one.command_id)

    await asker.producer.send_all([command_record(command, {REPLY_PARTITION: "3"}) for command in (one, two, one)])

    async def replies() -> list[tuple[str, bool]]:
        found = [record for record in await records_of(kafka, GATEWAY_REPLIES) if record.headers["fingerprint"]]
        return [(record.headers["fingerprint"], b'"refusal":null' in (record.value or b"")) for record in found]

    async def all_replied() -> bool:
        return len(await replies()) == 3

    await eventually(all_replied)
    assert await replies() == [("f1", True), ("f2", False), ("f1", True)]
    page = await registry.list_integrations(asker.workspace_id)
    assert [(item.name, item.secret_paths, item.revision) for item in page.items] == [("a", ["auth.token"], 1)]


async def test_a_refusal_is_remembered_like_any_reply(registry: RegistryClient, asker: Asker) -> None:
    command = asker.save(a_draft(if_absent="refuse"))

    first = await asker.ask(command)
    await asker.ask(asker.save(a_draft()))
    again = await asker.ask(command)

    assert first.refusal is not None
    assert again == first
    assert await registry.find_reply(asker.workspace_id, command.command_id) == first
    assert await registry.find_reply(new_id(), command.command_id) is None


async def test_several_drafts_are_saved_whole_or_not_at_all(registry: RegistryClient, asker: Asker) -> None:
    await asker.ask(asker.save(a_draft("taken")))

    reply = await asker.ask(
        asker.save(a_draft("one"), a_draft("two"), a_draft("taken", target=Target(by="unique", value="u")))
    )

    assert reply.refusal is not None
    assert (reply.refusal.code, reply.refusal.facts) == ("name_taken", {"name": "taken"})
    page = await registry.list_integrations(asker.workspace_id)
    assert [one.name for one in page.items] == ["taken"]


async def test_commands_that_wait_together_are_saved_together(
    settings: RegistrySettings, kafka: KafkaSettings, mongo_server: str, mongo_database: str
) -> None:
    async with running_registry(settings), asking(kafka) as asker:
        asker.workspace_id = (await create_workspace(kafka, slug="org", name="Org")).workspace_id
    async with asking(kafka) as asker:
        commands: list[Command] = [
            asker.save(a_draft(f"i{number:03}"), workspace_id=workspace_id_of(settings)) for number in range(300)
        ]
        await asker.producer.send_all([command_record(command) for command in commands])

    async with running_registry(settings) as registry:

        async def all_saved() -> bool:
            return (await registry.list_integrations(workspace_id_of(settings))).total == 300

        await eventually(all_saved)

    with MongoClient[dict[str, object]](mongo_server) as client:
        moments = client[mongo_database]["commands"].distinct("applied_at", {"type": "integration.save"})
    assert len(moments) <= 6  # transactions, where 300 would be one for each command


def workspace_id_of(_settings: RegistrySettings) -> str:
    from tieline.ids import derived_id

    return derived_id("workspace", "org")


async def test_integrations_may_exchange_their_names_within_a_batch(registry: RegistryClient, asker: Asker) -> None:
    first = (await asker.ask(asker.save(a_draft("a")))).integrations[0]
    second = (await asker.ask(asker.save(a_draft("b")))).integrations[0]

    def renamed(integration: Integration, name: str) -> SaveIntegrations:
        return asker.save(a_draft(name, target=Target(by="id", value=integration.id)))

    commands = [renamed(first, "c"), renamed(second, "a"), renamed(first, "b")]
    await asker.producer.send_all([command_record(command) for command in commands[:2]])
    reply = await asker.ask(commands[2])

    assert reply.refusal is None
    page = await registry.list_integrations(asker.workspace_id)
    assert {one.id: one.name for one in page.items} == {first.id: "b", second.id: "a"}


async def test_a_deleted_integration_leaves_a_tombstone_and_no_secret(
    registry: RegistryClient, asker: Asker, kafka: KafkaSettings, mongo_server: str, mongo_database: str
) -> None:
    saved = (await asker.ask(asker.save(a_draft(), secrets={"auth.token": "s3cret"}))).integrations[0]

    command = DeleteIntegration(**asker.base(), integration_id=saved.id)
    reply = await asker.ask(command)

    assert reply.deleted_id == saved.id
    assert await registry.open_credentials(asker.workspace_id, saved.id) is None
    assert (await registry.list_integrations(asker.workspace_id)).total == 0
    tombstone = (await records_of(kafka, INTEGRATION_EVENTS))[-1]
    assert (tombstone.key, tombstone.value) == (saved.id, None)
    assert tombstone.event_type == "integration.deleted"
    assert tombstone.headers["workspace_id"] == asker.workspace_id
    assert tombstone.headers["causation_id"] == command.command_id
    with MongoClient[dict[str, object]](mongo_server) as client:
        assert client[mongo_database]["integrations"].count_documents({}) == 0


async def test_a_deleted_route_leaves_a_tombstone(registry: RegistryClient, asker: Asker, kafka: KafkaSettings) -> None:
    saved = (await asker.ask(asker.route())).route
    assert saved is not None

    await asker.ask(DeleteRoute(**asker.base(), route_id=saved.id))

    assert (await registry.list_routes(asker.workspace_id)).total == 0
    event, tombstone = await records_of(kafka, ROUTE_EVENTS)
    assert (event.event_type, event.key, tombstone.key) == ("route.saved", saved.id, saved.id)
    assert (tombstone.event_type, tombstone.value) == ("route.deleted", None)


async def test_poison_goes_to_the_dead_letters_its_sender_is_told_and_the_rest_goes_on(
    registry: RegistryClient, asker: Asker, kafka: KafkaSettings
) -> None:
    good = asker.save(a_draft("good"))
    poison = command_record(good)
    poison = OutgoingRecord(
        topic=poison.topic, key=poison.key, value=b'{"type":"nothing"}', headers={**poison.headers, "ce_id": "poison"}
    )

    told = await asker.requests.request("poison", poison, timeout=timedelta(seconds=20))
    reply = await asker.ask(good)

    assert b'"invalid"' in (told.value or b"")
    assert reply.refusal is None
    (letter,) = await dead_letters(kafka)
    assert letter.value == b'{"type":"nothing"}'
    assert letter.headers["dead-letter-reason"].startswith("not a command")


async def test_a_sealed_secret_that_was_moved_does_not_open_and_is_refused(
    registry: RegistryClient, asker: Asker, kafka: KafkaSettings
) -> None:
    sealed = asker.save(a_draft(), secrets={"auth.token": "s3cret"})
    moved = sealed.drafts[0].model_copy(update={"secrets": {"config.token": sealed.drafts[0].secrets["auth.token"]}})

    reply = await asker.ask(sealed.model_copy(update={"drafts": [moved]}))

    assert reply.refusal is not None
    assert reply.refusal.code == "invalid"
    assert (await registry.list_integrations(asker.workspace_id)).total == 0
    (letter,) = await dead_letters(kafka)
    assert "config.token" in letter.headers["dead-letter-reason"]


async def dead_letters(kafka: KafkaSettings) -> list[IncomingRecord]:
    topic = dead_letter_topic(APPLY_COMMANDS_GROUP)

    async def some() -> list[IncomingRecord]:
        return await records_of(kafka, topic)

    return await eventually(some)


async def test_a_finished_sync_is_noted_and_told_once(
    registry: RegistryClient, asker: Asker, kafka: KafkaSettings
) -> None:
    saved = (await asker.ask(asker.save(a_draft()))).integrations[0]
    at = datetime(2026, 3, 21, 14, 0, tzinfo=UTC)
    run = {"run_id": "run1", "workspace_id": asker.workspace_id, "integration_id": saved.id, "sequence": 9}
    succeeded = RunCompleted(**run, at=at, added=3, total=3, last_synced=at)
    failed = RunFailed(**{**run, "run_id": "run2"}, at=at + timedelta(minutes=1), message="timed out")

    await asker.producer.send_all([sync_record(succeeded), sync_record(failed), sync_record(succeeded)])

    async def noted() -> bool:
        found = await registry.find_integration(asker.workspace_id, saved.id)
        return found is not None and found.last_sync.run_id == "run2"

    await eventually(noted)
    found = await registry.find_integration(asker.workspace_id, saved.id)
    assert found is not None
    assert (found.last_sync.status, found.last_sync.error) == ("error", "timed out")
    assert (found.last_sync.succeeded_at, found.revision) == (at, 1)

    async def told() -> bool:
        return len(await records_of(kafka, INTEGRATION_EVENTS)) >= 3

    await eventually(told)
    events = await records_of(kafka, INTEGRATION_EVENTS)
    assert Integration.model_validate_json(events[-1].value or b"") == found
    assert len({event.event_id for event in events}) == len(events) == 3


def sync_record(event: RunEvent) -> OutgoingRecord:
    return OutgoingRecord(
        topic=SYNC_EVENTS,
        key=event.integration_id,
        value=event.to_json(),
        headers=cloudevent_headers(
            event_id=f"{event.run_id}-{event.sequence}", event_type="sync", source="test", time=event.at
        ),
    )


async def test_the_audit_tells_who_changed_what(registry: RegistryClient, asker: Asker) -> None:
    saved = (await asker.ask(asker.save(a_draft(), secrets={"auth.token": "s3cret"}))).integrations[0]
    await asker.ask(asker.save(a_draft(description="new", new_id=new_id()), issued_by="user_2"))
    await asker.ask(asker.save(a_draft(if_present="refuse")))

    page = await registry.list_audit(asker.workspace_id, limit=2)
    rest = await registry.list_audit(asker.workspace_id, limit=2, before=page.next_before)

    assert [entry.by for entry in page.items] == ["user_2", "user_1"]
    (change,) = page.items[0].changes
    assert (change.id, change.action, change.fields) == (saved.id, "updated", ["description"])
    assert page.items[1].changes[0].fields == ["auth.token"]
    assert [entry.action for entry in rest.items] == ["workspace.create"]
    assert rest.next_before is None


async def test_the_audit_is_paged_across_gaps_in_its_numbers(registry: RegistryClient, asker: Asker) -> None:
    await asker.ask(asker.save(*(a_draft(f"i{number}") for number in range(60))))
    await asker.ask(asker.save(a_draft("last")))

    actions, before = [], None
    for _ in range(3):
        page = await registry.list_audit(asker.workspace_id, limit=1, before=before)
        actions += [(entry.action, len(entry.changes)) for entry in page.items]
        before = page.next_before

    assert actions == [("integration.save", 1), ("integration.save", 60), ("workspace.create", 2)]
    assert before is None
    assert (await registry.list_audit(asker.workspace_id, limit=5, before=2**31 - 1)).items[0].changes[0].name == "last"
