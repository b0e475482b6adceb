"""Fixtures: a gateway and a registry for the session, and a workspace for each test."""

import uuid
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from tieline.settings import KafkaSettings, MongoSettings

from tests.support.gateway_stack import Caller, GatewayStack


@pytest.fixture(scope="session")
def stack(kafka_server: str, mongo_server: str) -> Iterator[GatewayStack]:
    """A running gateway and registry."""
    database = f"t{uuid.uuid4().hex[:12]}"
    kafka = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=f"t{uuid.uuid4().hex[:10]}.")
    with GatewayStack(kafka, MongoSettings(url=SecretStr(mongo_server), database=database)).running() as running:
        yield running
    with MongoClient[dict[str, object]](mongo_server, serverSelectionTimeoutMS=5000) as client:
        client.drop_database(database)


@pytest.fixture
def caller(stack: GatewayStack) -> Iterator[Caller]:
    """Someone who may do everything in a fresh workspace."""
    somebody = stack.workspace()
    with somebody.http:
        yield somebody


@pytest.fixture(scope="module")
def resident(stack: GatewayStack) -> Iterator[Caller]:
    """Someone who may do everything in a workspace that the module's tests share."""
    somebody = stack.workspace()
    with somebody.http:
        yield somebody
