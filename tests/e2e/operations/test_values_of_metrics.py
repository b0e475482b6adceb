"""What operators read on `/metrics` of the running services: true values, and labels that nobody outside can choose."""

import uuid
from collections.abc import AsyncIterator

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import Response
from tieline.topics import APPLY_COMMANDS_GROUP, RECORD_SYNCS_GROUP, ROUTE_EVENTS_GROUP, RUN_SYNCS_GROUP
from tieline_cli.demo.samples import sentry_issue
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.layout import SERVICES

from tests.support.http_server import serving
from tests.support.scripted_server import ScriptedServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

_SECRET = "sample-signing-secret"
_WEBHOOK_SECRET = "whsec_c2FtcGxlLXNlY3JldC1vZi0yNC1ieXRlcw=="
_SECONDS = 60.0
_LATER = Response(status_code=429, headers={"retry-after": "600"})

Values = dict[str, list[tuple[dict[str, str], float]]]


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
    destination = ScriptedServer(always=lambda _received: _LATER)
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
