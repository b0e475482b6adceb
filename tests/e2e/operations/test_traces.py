"""A save, a webhook's delivery and a sync are one trace each, through all processes and Kafka, to the last call."""

import secrets
import uuid
from collections.abc import Iterator

import httpx2
import pytest
from opentelemetry.trace import SpanKind
from tieline_cli.demo.gateway import Answer, Gateway
from tieline_cli.demo.samples import sentry_issue
from tieline_cli.stack.endpoints import Endpoints

from tests.support.otlp import Collector, Span, collecting
from tests.support.servers import database_on
from tests.support.stacks import Stack, until

pytestmark = pytest.mark.e2e

_SECRET = "sample-signing-secret"
_PASSWORD = "sample-provider-password"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(
    kafka_server: str, mongo_server: str, collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoints]:
    """A stack whose processes export their spans to the collector."""
    with database_on(mongo_server) as database:
        stack = Stack(
            tmp_path_factory.mktemp("stacks") / "traced",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
            OTEL_BSP_SCHEDULE_DELAY="200",
            TIELINE_KAFKA__BOOTSTRAP_SERVERS=kafka_server,
            TIELINE_KAFKA__TOPIC_PREFIX="traced.",
            TIELINE_MONGO__URL=mongo_server,
            TIELINE_MONGO__DATABASE=database,
        )
        with stack.up_for_a_session() as endpoints:
            yield endpoints


@pytest.fixture
def gateway(traced: Endpoints) -> Iterator[Gateway]:
    client = Gateway(traced.gateway, org=traced.org, workspace_id=traced.workspace_id, api_key=traced.api_key)
    yield client
    client.close()


class _Caller:
    """Someone outside who begins a trace of their own."""

    def __init__(self) -> None:
        self.trace_id = secrets.token_hex(16)

    @property
    def headers(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace_id}-{secrets.token_hex(8)}-01"}


def _wait_for(collector: Collector, trace_id: str, *wanted: str) -> list[Span]:
    """Return the spans of a trace once all that is wanted, as `service: kind name`, is among them."""

    def there() -> bool:
        return set(wanted) <= {str(span) for span in collector.trace(trace_id)}

    try:
        until(there, seconds=20)
    except AssertionError:
        seen = sorted({str(span) for span in collector.trace(trace_id)})
        raise AssertionError(f"{set(wanted) - set(seen)} not among {seen}") from None
    return collector.trace(trace_id)


def _one(spans: list[Span], text: str) -> Span:
    return next(span for span in spans if str(span) == text)


def test_a_save_is_one_trace_to_the_database(traced: Endpoints, collector: Collector) -> None:
    caller = _Caller()
    body = {
        "name": f"Sentry {uuid.uuid4().hex[:6]}",
        "integration_type": "sentry",
        "unique_identifier": uuid.uuid4().hex,
        "auth_data": {"access_token": _PASSWORD, "token_type": "Bearer"},
        "scope_data": {"org_slug": "acme"},
    }

    answer = httpx2.post(
        f"{traced.gateway}/api/v2/integrations/save",
        json=body,
        headers={"x-api-key": traced.api_key, **caller.headers},
    )

    assert answer.status_code == 200, answer.text
    spans = _wait_for(
        collector,
        caller.trace_id,
        "gateway: server POST /api/v2/integrations/save",
        "registry: client commitTransaction",
        "registry: producer send registry.integration.events.v1",
    )
    to_the_registry = [
        "gateway: server POST /api/v2/integrations/save",
        "gateway: producer send registry.integration.commands.v1",
        "registry: consumer process registry.integration.commands.v1",
    ]
    committed = _one(spans, "registry: client commitTransaction")
    published = _one(spans, "registry: producer send registry.integration.events.v1")
    assert collector.chain(committed) == [*to_the_registry, str(committed)]
    assert collector.chain(published) == [*to_the_registry, str(published)]


def test_a_webhook_is_one_trace_to_the_message_in_its_channel(
    traced: Endpoints, gateway: Gateway, collector: Collector
) -> None:
    for name, config in (
        ("sentry", {"webhookSecret": _SECRET}),
        ("slack", {"botToken": _PASSWORD, "baseUrl": traced.simulators["slack"]}),
    ):
        gateway.call("C", "POST", "/api/integrations/configure", body={"integration": name, "config": config})
    route = {"eventType": "sentry.*", "channel": "slack", "channelId": "C0TRACES"}
    gateway.call("C", "POST", "/api/channel-routes", body=route)
    until(lambda: _sent(gateway).status == 200 and bool(_sent(gateway).body["routed"]))
    caller = _Caller()

    webhook = sentry_issue(uuid.uuid4().hex, _SECRET)
    answer = gateway.webhook("sentry", webhook.body, {**webhook.headers, **caller.headers})

    assert answer.status == 200
    spans = _wait_for(
        collector,
        caller.trace_id,
        "gateway: server POST /api/webhooks/{rest}",
        "webhook-router: internal deliver to slack",
        "webhook-router: client POST",
    )
    sent = next(span for span in spans if _is_message(span))
    assert collector.chain(sent) == [
        "gateway: server POST /api/webhooks/{rest}",
        "gateway: client POST",
        "webhook-router: server POST /api/webhooks/{source}",
        "webhook-router: producer send tieline.events.v1",
        "webhook-router: consumer process tieline.events.v1",
        "webhook-router: internal deliver to slack",
        "webhook-router: client POST",
    ]
    stored = [span for span in spans if span.attributes.get("db.system.name") == "mongodb"]
    assert any("webhook-router: consumer process tieline.events.v1" in collector.chain(span) for span in stored)


def test_a_sync_is_one_trace_to_the_provider_and_back_to_the_registry(
    traced: Endpoints, gateway: Gateway, collector: Collector
) -> None:
    created = gateway.call(
        "D",
        "POST",
        "/integrations/create",
        body={
            "service_name": "ServiceNow",
            "auth_type": "basic_auth",
            "config": {"url": traced.simulators["servicenow"], "username": "admin", "password": _PASSWORD},
            "is_active": True,
        },
    )
    path = f"/integrations/sync/{created.body['integration']['id']}"
    caller = _Caller()

    with httpx2.stream(
        "POST",
        traced.gateway + path,
        headers={"authorization": f"Bearer {traced.api_key}", **caller.headers},
        timeout=30,
    ) as answer:
        told = "".join(answer.iter_text())

    assert "event: complete" in told
    spans = _wait_for(
        collector,
        caller.trace_id,
        "gateway: server POST /integrations/sync/{integration_id}",
        "sync-worker: internal run a sync",
        "sync-worker: client GET",
        "registry: consumer process sync.run.events.v1",
    )
    running = [
        "gateway: server POST /integrations/sync/{integration_id}",
        "gateway: producer send sync.run.commands.v1",
        "sync-worker: consumer process sync.run.commands.v1",
        "sync-worker: internal run a sync",
    ]
    asked = next(span for span in spans if str(span) == "sync-worker: client GET")
    noted = next(
        span
        for span in spans
        if str(span) == "registry: consumer process sync.run.events.v1" and running[-1] in collector.chain(span)
    )
    assert collector.chain(asked) == [*running, str(asked)]
    assert collector.chain(noted) == [*running, "sync-worker: producer send sync.run.events.v1", str(noted)]


def test_spans_hold_no_secret(collector: Collector, traced: Endpoints) -> None:
    told = repr(collector.all())

    assert len(collector.all()) > 50
    assert {span.service for span in collector.all()} == {
        "tieline-gateway",
        "tieline-registry",
        "tieline-sync-worker",
        "tieline-webhook-router",
    }
    for secret in (_SECRET, _PASSWORD, traced.api_key):
        assert secret not in told


def _sent(gateway: Gateway) -> Answer:
    webhook = sentry_issue(uuid.uuid4().hex, _SECRET)
    return gateway.webhook("sentry", webhook.body, webhook.headers)


def _is_message(span: Span) -> bool:
    """Tell a call to a channel from one to a service of ours, whose span is called after its path."""
    return span.kind is SpanKind.CLIENT and span.name == "POST" and span.service == "tieline-webhook-router"
