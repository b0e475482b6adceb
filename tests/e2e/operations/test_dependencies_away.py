"""Kafka and MongoDB come late and go away: every service stays up, says what it misses, and goes on by itself."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from tieline.operator import create_workspace
from tieline.settings import KafkaSettings
from tieline.topics import apply_topics
from tieline_cli.embedded import kafka, mongo
from tieline_cli.processes.ports import free_port

from tests.support.cluster import ROLES, Cluster, starting_cluster
from tests.support.servers import running
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

_WITH_DATABASE = {"registry", "sync_worker", "webhook_router"}
_BACK_SECONDS = 45.0  # the longest pause between two tries is 10 s, and one may have just begun


class _Servers:
    """A broker and a database that can be started and stopped, their data kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.kafka_port, self.mongo_port = free_port(), free_port()

    @contextmanager
    def kafka(self) -> Iterator[None]:
        program = kafka.program(self._folder / "kafka", self.kafka_port)
        with running(program, self._folder / "kafka.log"):
            yield

    @contextmanager
    def mongo(self) -> Iterator[None]:
        program = mongo.program(self._folder / "mongo", self.mongo_port)
        with running(program, self._folder / "mongo.log"):
            yield


async def test_services_start_without_their_servers_wait_for_them_and_survive_their_absence(tmp_path: Path) -> None:
    servers = _Servers(tmp_path)
    kafka_settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{servers.kafka_port}")
    url = mongo.url(servers.mongo_port)
    async with (
        starting_cluster(tmp_path, kafka=kafka_settings, mongo_url=url, database="late", replicas=1) as cluster,
        httpx2.AsyncClient(timeout=20, trust_env=False) as http,
    ):
        await eventually(lambda: _all_say(cluster, http, "kafka", set(ROLES) - {"registry"}), within=30)
        assert await _alive(cluster, http) == set(ROLES)
        assert await _taking_requests(cluster, http) == set()

        with ExitStack() as stores:
            broker = stores.enter_context(ExitStack())
            database = stores.enter_context(ExitStack())
            broker.enter_context(servers.kafka())
            database.enter_context(servers.mongo())
            await apply_topics(kafka_settings)
            await eventually(lambda: _ready(cluster, http), within=_BACK_SECONDS)
            cluster.workspace = await create_workspace(kafka_settings, slug="org-late", name="Late")
            assert await _saved(cluster, http, "first")

            database.close()
            await eventually(lambda: _all_say(cluster, http, "mongo", _WITH_DATABASE))
            assert await _taking_requests(cluster, http) == set(ROLES)
            await eventually(lambda: _says_the_database_is_away(cluster, http), within=_BACK_SECONDS)
            database.enter_context(servers.mongo())
            await eventually(lambda: _ready(cluster, http), within=_BACK_SECONDS)
            assert await _saved(cluster, http, "second")

            broker.close()
            await eventually(lambda: _all_say(cluster, http, "kafka", {"webhook_router", "registry"}))
            assert await _taking_requests(cluster, http) == set(ROLES)
            broker.enter_context(servers.kafka())
            await eventually(lambda: _ready(cluster, http), within=_BACK_SECONDS)
            assert await eventually(lambda: _saved(cluster, http, "third"), within=_BACK_SECONDS)

        assert await _alive(cluster, http) == set(ROLES)


async def _alive(cluster: Cluster, http: httpx2.AsyncClient) -> set[str]:
    return {role for role in ROLES if (await _get(cluster, http, role, "/healthz")).status_code == 200}


async def _taking_requests(cluster: Cluster, http: httpx2.AsyncClient) -> set[str]:
    return {role for role in ROLES if (await _get(cluster, http, role, "/readyz/traffic")).status_code == 200}


async def _ready(cluster: Cluster, http: httpx2.AsyncClient) -> bool:
    return all([(await _get(cluster, http, role, "/readyz")).status_code == 200 for role in ROLES])


async def _all_say(cluster: Cluster, http: httpx2.AsyncClient, dependency: str, roles: set[str]) -> bool:
    """Tell whether each of `roles` says that it misses `dependency`."""
    try:
        answers = [await _get(cluster, http, role, "/readyz") for role in roles]
    except httpx2.ConnectError:  # it is starting
        return False
    return all(dependency in answer.json().get("missing", {}) for answer in answers)


async def _get(cluster: Cluster, http: httpx2.AsyncClient, role: str, path: str) -> httpx2.Response:
    return await http.get(f"http://127.0.0.1:{cluster.ports[role][0]}{path}")


async def _saved(cluster: Cluster, http: httpx2.AsyncClient, name: str) -> bool:
    return (await _save(cluster, http, name)).status_code == 200


async def _says_the_database_is_away(cluster: Cluster, http: httpx2.AsyncClient) -> bool:
    """Tell whether a save is answered as surface A's document shows; at first the caller is still remembered."""
    answer = await _save(cluster, http, "away")
    error = "Failed to save integration: Database connection failed"
    return (answer.status_code, answer.json()) == (500, {"success": False, "data": None, "error": error})


async def _save(cluster: Cluster, http: httpx2.AsyncClient, name: str) -> httpx2.Response:
    return await http.post(
        f"{cluster.address('gateway')}/api/v2/integrations/save",
        json={
            "name": name,
            "integration_type": "linear",
            "unique_identifier": name,
            "auth_data": {"access_token": "sample-token", "token_type": "Bearer"},
            "scope_data": {},
        },
        headers={"x-api-key": cluster.workspace.api_key or "", "idempotency-key": name},
    )
