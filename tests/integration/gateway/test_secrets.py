"""No secret a caller gives is anywhere in clear: not in any topic, the database or the logs."""

import asyncio
import io
import logging
from collections.abc import Iterator
from typing import Any

import bson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import MongoClient
from tieline.observability.logs import JsonFormatter

from tests.support.canaries import MARK, canary, drive_every_surface
from tests.support.gateway_stack import Caller, GatewayStack


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that is logged, at every level, as it is written."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter("tests"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


async def all_records(stack: GatewayStack) -> bytes:
    """Return every byte of every topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka.bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    found: list[bytes] = []
    try:
        cluster = await consumer._client.fetch_all_metadata()  # Kafka tells a consumer of its own topics only
        partitions = [
            TopicPartition(name, number)
            for name in cluster.topics()
            if name.startswith(stack.kafka.topic_prefix)
            for number in cluster.partitions_for_topic(name) or ()
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    found += [record.key or b"", record.value or b""]
                    found += [part for name, value in record.headers for part in (name.encode(), value)]
    finally:
        await consumer.stop()
    return b"\n".join(found)


def whole_database(stack: GatewayStack) -> bytes:
    """Return every document."""
    with MongoClient[dict[str, Any]](stack.mongo.url.get_secret_value()) as client:
        database = client[stack.mongo.database]
        return b"".join(
            bson.encode(document) for name in database.list_collection_names() for document in database[name].find()
        )


def test_secrets_are_nowhere_in_clear(stack: GatewayStack, caller: Caller, logs: io.StringIO) -> None:
    answers = drive_every_surface(caller)
    key = caller.http.post(caller.v1("api-keys"), json={"name": "k"}).json()["api_key"]

    records, documents = asyncio.run(all_records(stack)), whole_database(stack)
    assert sum(answer.is_success for answer in answers) >= 9
    assert caller.workspace_id.encode() in records  # or nothing was searched
    assert caller.workspace_id.encode() in documents
    for where, text in {
        "topics": records,
        "database": documents,
        "logs": logs.getvalue().encode(),
        "answers": b"".join(answer.content for answer in answers),
    }.items():
        assert MARK.encode() not in text, where
        assert key.encode() not in text, where
        assert caller.api_key.encode() not in text, where


def test_what_was_sealed_opens_for_services_only(stack: GatewayStack, caller: Caller) -> None:
    body = {"integration": "slack", "config": {"botToken": canary("opened")}}
    caller.http.post("/api/integrations/configure", headers=caller.org(), json=body).raise_for_status()
    [shown] = caller.http.get("/integrations/all").json()["integrations"]

    opened = stack.credentials(caller, shown["id"])
    question = {"workspace_id": caller.workspace_id, "integration_id": shown["id"]}
    answers = [
        stack.http.post(f"{stack.registry_url}/internal/credentials/open", json=question, headers=headers)
        for headers in ({}, {"authorization": f"Bearer {caller.api_key}"})
    ]

    assert opened.secrets == {"auth.access_token": canary("opened")}
    assert [answer.status_code for answer in answers] == [401, 401]
