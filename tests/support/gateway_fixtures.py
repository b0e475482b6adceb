"""Fixtures: a gateway and a registry for the session, and a workspace for each test.

The root conftest offers them to all tests, so that there is one stack; what they start is imported when it is started.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import SecretStr

from tests.support.servers import database_on

if TYPE_CHECKING:
    from tests.support.gateway_stack import Caller, GatewayStack


@pytest.fixture(scope="session")
def stack(kafka_server: str, mongo_server: str) -> Iterator["GatewayStack"]:
    """A running gateway and registry."""
    from tieline.settings import KafkaSettings, MongoSettings

    from tests.support.gateway_stack import GatewayStack

    kafka = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=f"t{uuid4().hex[:10]}.")
    with database_on(mongo_server) as database:
        mongo = MongoSettings(url=SecretStr(mongo_server), database=database)
        with GatewayStack(kafka, mongo).running() as running:
            yield running


@pytest.fixture
def caller(stack: "GatewayStack") -> Iterator["Caller"]:
    """Someone who may do everything in a fresh workspace."""
    somebody = stack.workspace()
    with somebody.http:
        yield somebody


@pytest.fixture(scope="module")
def resident(stack: "GatewayStack") -> Iterator["Caller"]:
    """Someone who may do everything in a workspace that the module's tests share."""
    somebody = stack.workspace()
    with somebody.http:
        yield somebody
