"""What the four processes tell of themselves.

A save, a webhook's delivery and a sync are one trace each, through all processes and Kafka, to the last call; logs name
the trace; metrics are true, and nobody outside chooses a label; no secret is anywhere. In one file, for they share a
stack.
"""

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import Response
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord
from tieline.settings import KafkaSettings
from tieline.topics import (
    APPLY_COMMANDS_GROUP,
    RECORD_SYNCS_GROUP,
    REGISTRY_COMMANDS,
    ROUTE_EVENTS_GROUP,
    RUN_SYNCS_GROUP,
)
from tieline_cli.demo.gateway import Answer, Gateway
from tieline_cli.demo.samples import sentry_issue
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.layout import SERVICES, DataDir

from tests.e2e.conftest import E2E_TOPICS
from tests.support.canaries import MARK, canary, drive_every_surface
from tests.support.gateway_stack import Caller
from tests.support.http_server import serving
from tests.support.otlp import Collector
from tests.support.scripted_server import ScriptedServer
from tests.support.stacks import until
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

_SECRET = canary("signing")
_PASSWORD = canary("provider-password")
_WEBHOOK_SECRET = "whsec_c2FtcGxlLXNlY3JldC1vZi0yNC1ieXRlcw=="
_SECONDS = 60.0  # services that have just started still share out the partitions; two busy cores take their time

_SAVE = "gateway: server POST /api/v2/integrations/save"
_TO_THE_REGISTRY = [
    _SAVE,
    "gateway: producer send registry.integration.commands.v1",
    "registry: consumer process registry.integration.commands.v1",
]
_TO_THE_ROUTER = [
    "gateway: server POST /api/webhooks/{rest}",
    "gateway: client POST",
    "webhook-router: server POST /api/webhooks/{source}",
    "webhook-router: consumer process tieline.events.v1",
]
_SYNC = "gateway: server POST /integrations/sync/{integration_id}"
_TO_A_RUN = [
    _SYNC,
    "gateway: producer send sync.run.commands.v1",
    "sync-worker: consumer process sync.run.commands.v1",
    "sync-worker: internal run a sync",
]

Values = dict[str, list[tuple[dict[str, str], float]]]


class _Sender:
    """Someone outside who begins a trace of their own."""

    def __init__(self) -> None:
        self.trace_id = secrets.token_hex(16)

    @property
    def headers(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01"}


@pytest.fixture
def caller(shared_stack: Endpoints) -> Iterator[Caller]:
    at = shared_stack
    headers = {"authorization": f"Bearer {at.api_key}"}
    with httpx2.Client(base_url=at.gateway, headers=headers, timeout=_SECONDS, trust_env=False) as http:
        yield Caller(workspace_id=at.workspace_id, slug=at.org, user_id="", api_key=at.api_key, http=http)


@pytest.fixture
async def http(shared_stack: Endpoints) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {shared_stack.api_key}", "x-org-id": shared_stack.org}
    async with httpx2.AsyncClient(
        base_url=shared_stack.gateway, headers=headers, timeout=_SECONDS, trust_env=False
    ) as http:
        yield http


async def _text(http: httpx2.AsyncClient, stack: Endpoints, service: str) -> str:
    return (await http.get(f"{getattr(stack, service)}/metrics")).text


async def _values(http: httpx2.AsyncClient, stack: Endpoints, service: str) -> Values:
    """Return (labels, value) of every sample, by its name."""
    found: Values = {}
    for family in text_string_to_metric_families(await _text(http, stack, service)):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def _wait_for(collector: Collector, trace_id: str, *wanted: list[str]) -> None:
    """Wait until a trace has each of these ways, whole; fail with those that it has instead."""

    def there() -> bool:
        found = collector.chains(trace_id)
        return all(each in found for each in wanted)

    try:
        until(there, seconds=_SECONDS)
    except AssertionError:
        seen = "\n".join(sorted({" > ".join(way) for way in collector.chains(trace_id)}))
        missing = "\n".join(" > ".join(way) for way in wanted if way not in collector.chains(trace_id))
        raise AssertionError(f"missing:\n{missing}\nthere are:\n{seen}") from None


def test_a_save_is_one_trace_to_the_database(caller: Caller, collector: Collector) -> None:
    sender = _Sender()
    body = {
        "name": f"Sentry {uuid.uuid4().hex[:6]}",
        "integration_type": "sentry",
        "unique_identifier": uuid.uuid4().hex,
        "auth_data": {"access_token": _PASSWORD, "token_type": "Bearer"},
        "scope_data": {"org_slug": "acme"},
    }

    answer = caller.http.post("/api/v2/integrations/save", json=body, headers=sender.headers)

    assert answer.status_code == 200, answer.text
    _wait_for(
        collector,
        sender.trace_id,
        [*_TO_THE_REGISTRY, "registry: client commitTransaction"],
        [*_TO_THE_REGISTRY, "registry: producer send registry.integration.events.v1"],
        [_SAVE, "gateway: client POST /internal/keys/resolve", "registry: server POST /internal/keys/resolve"],
    )
    assert [str(span) for span in collector.trace(sender.trace_id)].count(_SAVE) == 1


def test_a_webhook_is_one_trace_to_the_message_in_its_channel(
    shared_stack: Endpoints, gateway: Gateway, collector: Collector
) -> None:
    for name, config in (
        ("sentry", {"webhookSecret": _SECRET}),
        ("slack", {"botToken": _PASSWORD, "baseUrl": shared_stack.simulators["slack"]}),
    ):
        gateway.call("C", "POST", "/api/integrations/configure", body={"integration": name, "config": config})
    route = {"eventType": "sentry.*", "channel": "slack", "channelId": "C0TRACES"}
    gateway.call("C", "POST", "/api/channel-routes", body=route)
    until(lambda: _sent(gateway).status == 200 and bool(_sent(gateway).body["routed"]), seconds=_SECONDS)
    sender = _Sender()

    webhook = sentry_issue(uuid.uuid4().hex, _SECRET)
    answer = gateway.webhook("sentry", webhook.body, {**webhook.headers, **sender.headers})

    assert answer.status == 200
    _wait_for(
        collector,
        sender.trace_id,
        [*_TO_THE_ROUTER, "webhook-router: client commitTransaction"],
        [*_TO_THE_ROUTER, "webhook-router: internal deliver to slack", "webhook-router: client POST"],
    )


def test_a_sync_is_one_trace_to_the_provider_and_back_to_the_registry(
    shared_stack: Endpoints, gateway: Gateway, caller: Caller, collector: Collector
) -> None:
    created = gateway.call(
        "D",
        "POST",
        "/integrations/create",
        body={
            "service_name": "ServiceNow",
            "auth_type": "basic_auth",
            "config": {"url": shared_stack.simulators["servicenow"], "username": "admin", "password": _PASSWORD},
            "is_active": True,
        },
    )
    path = f"/integrations/sync/{created.body['integration']['id']}"
    sender = _Sender()

    with caller.http.stream("POST", path, headers=sender.headers) as answer:
        told = "".join(answer.iter_text())

    assert "event: complete" in told
    back = ["sync-worker: producer send sync.run.events.v1", "registry: consumer process sync.run.events.v1"]
    _wait_for(
        collector,
        sender.trace_id,
        [*_TO_A_RUN, "sync-worker: client GET"],
        [*_TO_A_RUN, "sync-worker: client insert sync_records"],
        [*_TO_A_RUN, *back],
    )


def test_what_is_logged_on_the_way_names_the_trace(shared_stack: Endpoints, stack_folder: Path) -> None:
    sender = _Sender()
    unreadable = OutgoingRecord(topic=REGISTRY_COMMANDS, key="nobody", value=b"{", headers=sender.headers)

    asyncio.run(_send(shared_stack.kafka, unreadable))

    until(lambda: sender.trace_id in _log_of("registry", stack_folder), seconds=_SECONDS)
    told = [json.loads(line) for line in _log_of("registry", stack_folder).splitlines() if sender.trace_id in line]
    assert [line["message"] for line in told] == ["a record went to the dead letters"]
    assert told[0]["trace_id"] == sender.trace_id
    assert len(told[0]["span_id"]) == 16


async def test_groups_tell_how_far_behind_they_are(shared_stack: Endpoints, http: httpx2.AsyncClient) -> None:
    wanted = {
        "registry": {APPLY_COMMANDS_GROUP, RECORD_SYNCS_GROUP},
        "sync_worker": {RUN_SYNCS_GROUP},
        "webhook_router": {ROUTE_EVENTS_GROUP},
    }

    async def caught_up() -> bool:
        lags = {
            service: (await _values(http, shared_stack, service))["tieline_consumer_lag_records"] for service in wanted
        }
        return all(value == 0 for lag in lags.values() for _, value in lag) and all(
            {labels["group"] for labels, _ in lags[service]} >= groups for service, groups in wanted.items()
        )

    await eventually(caught_up, within=_SECONDS, every=0.2)


async def test_a_delivery_that_is_held_back_ages_in_sight(shared_stack: Endpoints, http: httpx2.AsyncClient) -> None:
    destination = ScriptedServer(always=lambda _received: Response(status_code=429, headers={"retry-after": "600"}))
    async with serving(destination) as address:
        for name, config in (
            ("sentry", {"webhookSecret": _SECRET}),
            ("webhook", {"baseUrl": address, "webhookSecret": _WEBHOOK_SECRET}),
        ):
            body = {"integration": name, "config": config}
            (await http.post("/api/integrations/configure", json=body)).raise_for_status()
        route = {"eventType": "sentry.*", "channel": "webhook", "channelId": f"{address}/later"}
        (await http.post("/api/channel-routes", json=route)).raise_for_status()

        async def routed() -> bool:
            webhook = sentry_issue(uuid.uuid4().hex, _SECRET)
            answer = await http.post("/api/webhooks/sentry", content=webhook.body, headers=webhook.headers)
            return answer.status_code == 200 and bool(answer.json()["routed"])

        await eventually(routed, within=_SECONDS, every=0.1)
        await eventually(lambda: destination.received, within=_SECONDS)

        async def in_sight() -> bool:
            values = await _values(http, shared_stack, "webhook_router")
            return values["tieline_delivery_oldest_pending_seconds"][0][1] > 1

        await eventually(in_sight, within=_SECONDS, every=0.2)
        values = await _values(http, shared_stack, "webhook_router")

    assert values["tieline_webhook_answer_seconds_count"][0][1] >= 1
    assert values["tieline_ledger_unbalanced_workspaces"] == [({}, 0.0)]
    assert values["tieline_spool_bytes"][0][1] < values["tieline_spool_limit_bytes"][0][1]
    assert {labels["state"] for labels, _ in values["tieline_breakers_destinations"]} >= {"open"}
    outcomes = {labels["outcome"] for labels, _ in values["tieline_delivery_attempts_total"]}
    assert outcomes


async def test_no_label_takes_what_a_caller_sends(shared_stack: Endpoints, http: httpx2.AsyncClient) -> None:
    mark = f"m{uuid.uuid4().hex}"
    for method, path in (
        ("GET", f"/{mark}"),
        ("GET", f"/v1/{mark}/integrations"),
        ("GET", f"/integrations/id/{mark}"),
        ("POST", f"/api/webhooks/{mark}"),
        ("DELETE", f"/v1/{shared_stack.workspace_id}/deliveries/{mark}"),
        (mark.upper(), "/integrations/all"),
    ):
        await http.request(method, path)
    webhook = await http.post(f"{shared_stack.webhook_router}/api/webhooks/{mark}/{mark}", content=b"{}")
    assert webhook.status_code == 404

    for service in SERVICES:
        told = (await _text(http, shared_stack, service)).lower()
        for chosen in (mark, shared_stack.workspace_id, shared_stack.org):
            assert chosen not in told, service


def test_spans_and_logs_hold_no_secret(caller: Caller, collector: Collector, stack_folder: Path) -> None:
    answers = drive_every_surface(caller)

    assert sum(answer.is_success for answer in answers) >= 9
    until(lambda: len(collector.all()) > 100, seconds=_SECONDS)
    assert {span.service for span in collector.all()} == {f"tieline-{name.replace('_', '-')}" for name in SERVICES}
    told = repr(collector.all())
    written = "".join(_log_of(service, stack_folder) for service in SERVICES)
    assert written.count('"message": "starting"') == len(SERVICES)
    for secret in (MARK, caller.api_key):
        assert secret not in told
        assert secret not in written


async def _send(kafka: str, record: OutgoingRecord) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka, topic_prefix=E2E_TOPICS)
    async with RecordProducer(settings, client_id="tests") as producer:
        await producer.send(record)


def _log_of(service: str, folder: Path) -> str:
    return (DataDir(root=folder).logs / f"{service}.log").read_text()


def _sent(gateway: Gateway) -> Answer:
    webhook = sentry_issue(uuid.uuid4().hex, _SECRET)
    return gateway.webhook("sentry", webhook.body, webhook.headers)
