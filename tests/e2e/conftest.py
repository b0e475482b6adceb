"""One stack for all end-to-end tests, on the session's broker and database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tieline_cli.demo.gateway import Gateway
from tieline_cli.stack.endpoints import Endpoints

from tests.support.otlp import Collector, collecting
from tests.support.servers import database_on
from tests.support.stacks import Stack

E2E_TOPICS = "e2e."


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """What the stack's processes export their spans to."""
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="package")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack keeps its data and logs."""
    return tmp_path_factory.mktemp("stacks") / "shared"


@pytest.fixture(scope="package")
def stack_environment(kafka_server: str, mongo_server: str, collector: Collector) -> Iterator[dict[str, str]]:
    """Which servers the stack uses, and that it exports traces."""
    with database_on(mongo_server) as database:
        yield {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "TIELINE_KAFKA__BOOTSTRAP_SERVERS": kafka_server,
            "TIELINE_KAFKA__TOPIC_PREFIX": E2E_TOPICS,
            "TIELINE_MONGO__URL": mongo_server,
            "TIELINE_MONGO__DATABASE": database,
        }


@pytest.fixture(scope="package")  # four idle services still take some of a small machine from later tests
def shared_stack(stack_environment: dict[str, str], stack_folder: Path) -> Iterator[Endpoints]:
    """Where the session's stack is: simulated providers, four services, the demo workspace."""
    with Stack(stack_folder, **stack_environment).up_for_a_session() as endpoints:
        yield endpoints


@pytest.fixture
def gateway(shared_stack: Endpoints) -> Iterator[Gateway]:
    """A client of the session's stack, with the demo workspace's key."""
    at = shared_stack
    client = Gateway(at.gateway, org=at.org, workspace_id=at.workspace_id, api_key=at.api_key)
    yield client
    client.close()
