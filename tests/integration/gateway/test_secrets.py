"""No secret a caller gives is anywhere in clear: not in any topic, the database, the logs or the traces."""

import asyncio
import io
import logging
from collections.abc import Iterator
from typing import Any

import bson
import httpx2
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pymongo import MongoClient
from tieline.observability.logs import JsonFormatter

from tests.support.gateway_stack import Caller, GatewayStack

MARK = "c4n4ry"


def canary(name: str) -> str:
    """Return a secret value that can be searched for."""
    return f"{MARK}-{name}-0123456789"


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


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """All that is traced from now on, and not after the test."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


def drive_every_surface(caller: Caller) -> list[httpx2.Response]:
    """Send secrets in every way the surfaces know, in requests that succeed and requests that fail."""
    http, org = caller.http, caller.org()
    save = {
        "name": "Sentry",
        "integration_type": "sentry",
        "auth_data": {name: canary(f"a-{name}") for name in ("access_token", "refresh_token", "code")},
    }
    admin = {
        "service_name": "ServiceNow",
        "auth_type": "basic_auth",
        "config": {
            "password": canary("d-password"),
            "nested": {"api_token": canary("d-nested"), "urls": [f"https://u:{canary('d-url')}@h.example"]},
        },
        "is_active": True,
    }
    bulk = [
        {"name": "ai", "type": "openai", "configuration": {"api_key": canary("b-key")}},
        {
            "name": "vertex",
            "type": "vertex_ai_gemini",
            "configuration": {"projectName": "p", "environment": "e", "file": canary("b-file")},
        },
    ]
    workspace: dict[str, Any] = {
        "name": "crm",
        "display_name": "CRM",
        "auth": {"type": "oauth2_jwt_bearer", "private_key_value": {"value": canary("e-private")}},
    }
    configure = {"apiKey": canary("c-key"), "webhookSecret": [canary("c-hook-1"), canary("c-hook-2")]}
    created = http.post("/integrations/create", json=admin)
    path = f"/integrations/update/{created.json()['integration']['id']}"
    return [
        created,
        http.put(path, json={**admin, "config": {"password": canary("d-second")}}),
        http.put(path, json={**admin, "auth_type": canary("d-wrong")}),
        http.post("/api/v2/integrations/save", json=save),
        http.post("/api/v2/integrations/save", json={**save, "status": "wrong"}),
        http.post("/api/integrations", json=bulk),
        http.post("/api/integrations", json=[*bulk, {"name": "x", "type": "wrong"}]),
        http.post("/api/integrations/configure", headers=org, json={"integration": "pagerduty", "config": configure}),
        http.post("/api/integrations/configure", headers=org, json={"integration": "wrong", "config": configure}),
        http.post(caller.v1("integrations"), json=workspace),
        http.post(caller.v1("integrations"), json=workspace),
        http.post(caller.v1("integrations"), json={**workspace, "auth": {**workspace["auth"], "type": "wrong"}}),
        http.post(caller.v1("integrations"), content=b'{"a": "' + canary("truncated").encode()),
        http.get("/integrations/all"),
        http.get(caller.v1("integrations")),
        http.get(caller.v1("audit")),
    ]


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


def test_secrets_are_nowhere_in_clear(
    stack: GatewayStack, caller: Caller, logs: io.StringIO, spans: InMemorySpanExporter
) -> None:
    answers = drive_every_surface(caller)
    key = caller.http.post(caller.v1("api-keys"), json={"name": "k"}).json()["api_key"]

    records, documents = asyncio.run(all_records(stack)), whole_database(stack)
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert sum(answer.is_success for answer in answers) >= 9
    assert caller.workspace_id.encode() in records  # or nothing was searched
    assert caller.workspace_id.encode() in documents
    assert "POST" in told
    for where, text in {
        "topics": records,
        "database": documents,
        "logs": logs.getvalue().encode(),
        "traces": told.encode(),
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
