"""The compacted topics are made anew from the database by `tieline topics rebuild`, whatever became of them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from tieline.contracts.commands import DeleteIntegration, DeleteRoute, SaveRoute
from tieline.kafka.connection import connection_arguments
from tieline.kafka.records import IncomingRecord, OutgoingRecord
from tieline.operator import CreatedWorkspace, create_workspace
from tieline.settings import KafkaSettings
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS, apply_topics
from tieline_cli.processes.ports import free_port
from tieline_registry.settings import RegistrySettings

from tests.support.registry import Asker, a_draft, asking
from tests.support.registry_process import RegistryProcess, registry_process
from tests.support.router_world import RouterProcess
from tests.support.topics import records_of
from tests.support.waiting import eventually

COMPACTED = (INTEGRATION_EVENTS, ROUTE_EVENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A registry as a process, a workspace in it with two integrations and three routes, and a router's settings."""

    kafka: KafkaSettings
    registry: RegistryProcess
    workspace: CreatedWorkspace
    integrations: tuple[str, ...]
    routes: tuple[str, ...]
    asker: Asker
    environment: dict[str, str]
    folder: Path

    async def command(self, *words: str) -> asyncio.subprocess.Process:
        """Start `tieline topics …` as an operator would."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tieline_cli", "topics", *words),
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def rebuild(self, *options: str) -> str:
        """Run `tieline topics rebuild` to its end; return what it told."""
        process = await self.command("rebuild", *options)
        async with asyncio.timeout(120):
            told, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return told.decode()

    async def lose_topics(self) -> None:
        """Delete the compacted topics and create them again, empty."""
        names = [self.kafka.topic_prefix + topic for topic in COMPACTED]
        admin = AIOKafkaAdminClient(**connection_arguments(self.kafka))
        await admin.start()
        try:
            await admin.delete_topics(names)

            async def gone() -> bool:
                return not set(names) & set(await admin.list_topics())

            await eventually(gone)
        finally:
            await admin.close()
        assert set(await apply_topics(self.kafka)) == set(names)

    async def last(self, topic: str) -> dict[str, IncomingRecord]:
        """Return the last record of every key of a topic: what is left after compaction."""
        return {record.key: record for record in await records_of(self.kafka, topic)}

    @asynccontextmanager
    async def router(self) -> AsyncIterator[Callable[[], Awaitable[set[str]]]]:
        """Run a webhook router; the value asks it which routes it has, as `explain` tells."""
        port = free_port()
        router = RouterProcess(
            environment={
                **self.environment,
                "TIELINE_HTTP__PORT": str(port),
                "TIELINE_WEBHOOKS__SPOOL_DIR": str(self.folder / "spool"),
            },
            address=f"http://127.0.0.1:{port}",
            log=self.folder / "router.log",
        )
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:

            async def routes() -> set[str]:
                answer = await http.post(
                    f"{router.address}/api/channel-routes/explain",
                    headers={"x-api-key": self.workspace.api_key or "", "x-org-id": self.workspace.slug},
                    json={"eventType": "sentry.issue.created"},
                )
                assert answer.status_code == 200, answer.text
                return {verdict["id"] for verdict in answer.json()["routes"]}

            try:
                await router.start()
                yield routes
            finally:
                await router.stop()


@pytest.fixture
async def plane(settings: RegistrySettings, tmp_path: Path) -> AsyncIterator[Plane]:
    async with registry_process(settings, tmp_path / "registry.log") as registry, asking(settings.kafka) as asker:
        await registry.start()
        workspace = await create_workspace(settings.kafka, slug="org-acme", name="Acme")
        asker.workspace_id = workspace.workspace_id
        saved = (await asker.ask(asker.save(a_draft("one"), a_draft("two"), a_draft("gone")))).integrations
        routes = [reply.route for reply in [await asker.ask(asker.route()) for _ in range(4)] if reply.route]
        await asker.ask(SaveRoute(**asker.base(), route_id=routes[0].id, create=False, channel_id="C2"))
        await asker.ask(DeleteIntegration(**asker.base(), integration_id=saved[-1].id))
        await asker.ask(DeleteRoute(**asker.base(), route_id=routes[-1].id))
        yield Plane(
            kafka=settings.kafka,
            registry=registry,
            workspace=workspace,
            integrations=tuple(sorted(integration.id for integration in saved[:-1])),
            routes=tuple(sorted(route.id for route in routes[:-1])),
            asker=asker,
            environment={**registry.environment, "TIELINE_INTERNAL__REGISTRY_URL": registry.address},
            folder=tmp_path,
        )


async def test_topics_that_were_lost_tell_everything_again_and_a_router_learns_it(plane: Plane) -> None:
    before = {topic: await plane.last(topic) for topic in COMPACTED}
    async with plane.router() as known:
        assert await known() == set(plane.routes)

    await plane.lose_topics()
    async with plane.router() as known:
        assert await known() == set()

        told = await plane.rebuild()

        # The running router learns them; so does one that starts now, from the topic alone.
        async def all_known() -> bool:
            return await known() == set(plane.routes)

        await eventually(all_known)
    async with plane.router() as known:
        assert await known() == set(plane.routes)
    assert "2 integrations published, all there are" in told
    assert "3 routes published, all there are" in told
    for topic in COMPACTED:
        after = await plane.last(topic)
        living = {key: record for key, record in before[topic].items() if record.value is not None}
        assert {key: record.value for key, record in after.items()} == {
            key: record.value for key, record in living.items()
        }
        assert {record.event_id for record in after.values()} == {record.event_id for record in living.values()}


async def test_what_a_restored_topic_tells_of_but_no_longer_exists_is_forgotten(plane: Plane) -> None:
    ghosts = [
        OutgoingRecord(topic=record.topic.removeprefix(plane.kafka.topic_prefix), key=f"ghost-{record.key}",
                       value=record.value, headers=record.headers)
        for topic in COMPACTED
        for record in (await plane.last(topic)).values()
        if record.value is not None
    ]  # fmt: skip
    await plane.asker.producer.send_all(ghosts)

    told = await plane.rebuild("--page", "2")

    assert "2 integrations forgotten" in told
    assert "3 routes forgotten" in told
    last = {**await plane.last(INTEGRATION_EVENTS), **await plane.last(ROUTE_EVENTS)}
    assert {key for key, record in last.items() if record.value is not None} == {*plane.integrations, *plane.routes}
    assert all(last[ghost.key].event_type.endswith(".deleted") for ghost in ghosts)
    async with plane.router() as known:
        assert await known() == set(plane.routes)


async def test_killed_in_the_middle_it_is_repeated_from_where_it_was_or_as_a_whole(plane: Plane) -> None:
    await plane.lose_topics()
    first = await plane.command("rebuild", "--page", "1")
    assert first.stdout is not None
    async with asyncio.timeout(60):
        line = (await first.stdout.readline()).decode().strip()
    first.send_signal(signal.SIGKILL)
    await first.wait()
    place = line.rpartition(" ")[2]
    assert place == f"integrations:{plane.integrations[0]}", line

    rest = await plane.rebuild("--from", place)
    whole = await plane.rebuild()

    assert "1 integrations published, all there are" in rest
    assert "3 routes published, all there are" in rest
    assert "2 integrations published, all there are" in whole
    assert set(await plane.last(INTEGRATION_EVENTS)) == set(plane.integrations)
    routes = await plane.last(ROUTE_EVENTS)
    assert set(routes) == set(plane.routes)
    assert {json.loads(record.value or b"{}")["channel_id"] for record in routes.values()} == {"C1", "C2"}
    events = {record.event_id for record in await records_of(plane.kafka, ROUTE_EVENTS)}
    assert len(events) == len(plane.routes)  # repeated under the same ids: whoever has seen an event knows it


async def test_a_registry_that_is_replaced_meanwhile_is_waited_for(plane: Plane) -> None:
    await plane.lose_topics()
    await plane.registry.end()
    rebuilding = await plane.command("rebuild")
    port = plane.registry.address.rpartition(":")[2]

    await plane.registry.start(port=int(port))

    async with asyncio.timeout(120):
        _, errors = await rebuilding.communicate()
    assert rebuilding.returncode == 0, errors.decode()
    assert set(await plane.last(ROUTE_EVENTS)) == set(plane.routes)


async def test_a_place_that_is_none_is_refused(plane: Plane) -> None:
    process = await plane.command("rebuild", "--from", "secrets:1")
    _, errors = await process.communicate()

    assert process.returncode == 1
    assert "'secrets:1' is no place" in errors.decode()
