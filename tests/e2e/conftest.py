"""One stack for all end-to-end tests of a session."""

import os
from collections.abc import Iterator

import pytest
from tieline_cli.demo.gateway import Gateway
from tieline_cli.stack.endpoints import Endpoints

from tests.support.stacks import Stack


@pytest.fixture(scope="session")
def shared_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Where the session's stack is: broker, database, simulated providers, four services, the demo workspace."""
    environment = {}
    if os.environ.get("TIELINE_TEST_KAFKA"):
        environment["TIELINE_KAFKA__BOOTSTRAP_SERVERS"] = request.getfixturevalue("kafka_server")
    with Stack(tmp_path_factory.mktemp("stacks") / "shared", **environment).up_for_a_session() as endpoints:
        yield endpoints


@pytest.fixture
def gateway(shared_stack: Endpoints) -> Iterator[Gateway]:
    """A client of the session's stack, with the demo workspace's key."""
    at = shared_stack
    client = Gateway(at.gateway, org=at.org, workspace_id=at.workspace_id, api_key=at.api_key)
    yield client
    client.close()
