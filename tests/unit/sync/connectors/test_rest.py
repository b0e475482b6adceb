"""Records through an integration's own endpoint: each way of paging against the stand-in of a vendor that has it."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse
from tieline.outgoing import HostClients
from tieline.settings import OutgoingSettings
from tieline_simulators import Fault, GitHubSimulator, JiraSimulator, PagerDutySimulator, ServiceNowSimulator, running
from tieline_simulators.servicenow import generated_incidents
from tieline_simulators.stand_in import StandIn
from tieline_sync.adapters.connectors.rest import RestConnector
from tieline_sync.adapters.providers.endpoint_server import HttpEndpointServer
from tieline_sync.adapters.providers.sandbox import Sandbox
from tieline_sync.domain.errors import (
    MissingConfigurationError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from tieline_sync.handlers.endpoint_calls import EndpointCalls
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.tokens import Tokens
from tieline_sync.ports import Source

from tests.support.http_server import serving
from tests.support.scripted_server import Received, ScriptedServer
from tests.unit.sync.connectors.support import clock, facts, read

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUES = {
    "name": "list-issues",
    "method": "GET",
    "path": "/repos/acme/shop/issues",
    "input_schema": {
        "properties": {
            "state": {"default": "all"},
            "sort": {"default": "updated"},
            "direction": {"default": "asc"},
            "per_page": {"type": "integer", "default": 10},
            "page": {"type": "integer"},
            "since": {"type": "string"},
        }
    },
    "response_mapping": {
        "records": "[].merge(@, {label: join('', ['#', to_string(number)])})",
        "since": "{since: max([].updated_at)}",
    },
}
SEARCH = {
    "name": "search",
    "method": "POST",
    "path": "/rest/api/3/search/jql",
    "input_schema": {
        "properties": {
            "jql": {"default": "updated >= '1970/01/02' ORDER BY updated ASC"},
            "fields": {"default": ["*all"]},
            "maxResults": {"default": 10},
            "nextPageToken": {"type": "string"},
        }
    },
    "response_mapping": {
        "records": "issues[].{id: id, label: key, summary: fields.summary}",
        "next": "nextPageToken && {nextPageToken: nextPageToken}",
    },
}
INCIDENTS = {
    "name": "incidents",
    "method": "GET",
    "path": "/incidents",
    "input_schema": {"properties": {"limit": {"maximum": 25}, "offset": {}, "date_range": {"default": "all"}}},
    "headers": {"Accept": "application/vnd.pagerduty+json;version=2"},
    "response_mapping": {"records": "incidents[].{id: id, label: to_string(incident_number), status: status}"},
}
TABLE = {
    "name": "table",
    "method": "GET",
    "path": "/api/now/table/incident",
    "input_schema": {
        "properties": {
            "sysparm_limit": {"type": "integer", "default": 7},
            "sysparm_offset": {"type": "integer"},
            "sysparm_query": {"default": "ORDERBYsys_id"},
        }
    },
    "response_mapping": {"records": "result[].merge(@, {id: sys_id, label: number})"},
}


class _Nothing:
    """No key that is tested here is exchanged for a token, and nobody asks how calls went."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def connector() -> AsyncIterator[RestConnector]:
    settings = OutgoingSettings(timeout=timedelta(seconds=2), allow_http=True, dangerous_allow_private_addresses=True)
    sandbox = Sandbox(1)
    nothing = cast("Any", _Nothing())
    async with HostClients(settings) as http:
        calls = EndpointCalls(
            server=HttpEndpointServer(http, clock),
            tokens=cast("Tokens", nothing),
            health=HealthLog(nothing, nothing, clock),
            timeout=timedelta(seconds=2),
            monotonic=lambda: 0.0,
            chance=lambda: 0.0,
        )
        yield RestConnector(calls, sandbox, apps={}, new_id=lambda: "1")
    await sandbox.close()


def source(
    connector: RestConnector, url: str, *endpoints: Mapping[str, Any], page_size: int = 1000, **changes: Any
) -> Source:
    given = {
        "config": {"base_url": url},
        "secrets": {"auth.access_token": "key-1"},
        "auth": {"type": "bearer_token"},
        "display_name": "Shop",
        **changes,
    }
    return connector.open(
        facts(
            "rest",
            given.pop("config"),
            given.pop("secrets"),
            endpoints=[{**one, "retry_config": {"max_retries": 0}} for one in endpoints],
            **given,
        ),
        page_size=page_size,
    )


@pytest.mark.parametrize(
    ("stand_in", "endpoint", "pages", "changes"),
    [
        pytest.param(lambda: GitHubSimulator(issues=57), ISSUES, 6, {}, id="link header"),
        pytest.param(
            lambda: JiraSimulator(issues=43),
            SEARCH,
            5,
            {"auth": {"type": "basic"}, "config": {"username": "mira"}, "secrets": {"auth.password": "p"}},
            id="cursor",
        ),
        pytest.param(
            lambda: PagerDutySimulator(incidents=60),
            INCIDENTS,
            4,
            {
                "auth": {"type": "api_key_header", "header_name": "Authorization"},
                "secrets": {"auth.api_key": "Token token=key-1"},
            },
            id="offset",
        ),
        pytest.param(
            lambda: ServiceNowSimulator(generated_incidents(30)),
            TABLE,
            5,
            {"auth": {}, "config": {"username": "admin"}, "secrets": {"config.password": "p"}},
            id="link header with offsets",
        ),
    ],
)
async def test_every_record_comes_once_page_by_page(
    connector: RestConnector,
    stand_in: Callable[[], StandIn],
    endpoint: dict[str, Any],
    pages: int,
    changes: dict[str, Any],
) -> None:
    vendor = stand_in()
    async with running(vendor=vendor) as addresses:
        config = {"base_url": addresses["vendor"], **changes.pop("config", {})}
        found = await read(source(connector, "", endpoint, config=config, **changes))

    assert len(found.sizes) == pages
    assert len(found.met) == len(set(found.met)) == sum(found.sizes)
    held = getattr(vendor, "records", None) or {str(number): {} for number in range(30)}
    assert len(found.met) == len(held)


async def test_next_run_asks_for_what_is_new_since_the_newest_record(connector: RestConnector) -> None:
    vendor = GitHubSimulator(issues=57)
    async with running(vendor=vendor) as addresses:
        issues = source(connector, addresses["vendor"], ISSUES)
        first = await read(issues)
        vendor.put("12", {"title": "changed"})
        then = await read(issues, first.resume)
        nothing = await read(issues, then.resume)

    changed = {record.label for record in then.records.values() if record.data["title"] == "changed"}
    assert changed == {"#12"}
    assert len(then.met) < 5
    assert len(nothing.met) == 1  # the last second is read again


def orders(received: Received) -> JSONResponse:
    """Three full pages by number, then an empty one."""
    page = int(dict(pair.split("=") for pair in received.query.split("&"))["page"])
    return JSONResponse({"orders": [{"id": page * 10 + place} for place in range(3)] if page < 4 else []})


async def test_pages_are_counted_until_an_empty_one(connector: RestConnector) -> None:
    server = ScriptedServer(always=orders)
    endpoint = {
        "name": "orders",
        "method": "GET",
        "path": "/orders",
        "input_schema": {"properties": {"page": {"type": "integer"}}},
        "response_mapping": {"records": "orders"},
    }
    async with serving(server) as url:
        found = await read(source(connector, url, endpoint))

    assert found.met == ["10", "11", "12", "20", "21", "22", "30", "31", "32"]
    assert [received.query for received in server.received] == ["page=1", "page=2", "page=3", "page=4"]


def documented() -> dict[str, Any]:
    """Return the endpoint that the documentation shows."""
    text = (Path(__file__).resolve().parents[4] / "docs" / "connectors.md").read_text()
    [example] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    endpoint: dict[str, Any] = json.loads(example)
    return endpoint


async def test_documented_endpoint_is_read_as_documented(connector: RestConnector) -> None:
    server = ScriptedServer()
    order = {"id": "o-1", "number": "S-1001", "updated_at": "2026-03-20T12:00:00Z"}
    other = {"id": "o-2", "number": "S-1002", "updated_at": "2026-03-20T11:00:00Z"}
    server.answers.append(JSONResponse({"data": [order], "has_more": True}))
    server.answers.extend(JSONResponse({"data": [other], "has_more": False}) for _ in range(2))
    async with serving(server) as url:
        orders = source(connector, url, documented())
        first = await read(orders)
        await read(orders, first.resume)

    assert [record.label for record in first.records.values()] == ["S-1001", "S-1002"]
    assert [dict(parse_qsl(received.query)) for received in server.received] == [
        {"status": "any", "limit": "250"},
        {"status": "any", "limit": "250", "starting_after": "o-1"},
        {"status": "any", "limit": "250", "updated_min": "2026-03-20T12:00:00Z"},
    ]


ONE = {"name": "one", "method": "GET", "path": "/things", "response_mapping": {"records": "things"}}
LOOPING = ONE | {"input_schema": {"properties": {"cursor": {}}}, "response_mapping": {"records": "@", "next": "'x'"}}


@pytest.mark.parametrize(
    ("endpoint", "answer", "error", "said"),
    [
        (ONE, {"errors": "over quota"}, ProviderUnavailableError, "no list of records"),
        (ONE, {"things": ["text"]}, ProviderUnavailableError, "no list of records"),
        (ONE, {"things": [{"number": 1}]}, ProviderUnavailableError, "a record without id"),
        (ONE | {"input_schema": {"required": ["team"]}}, {}, ProviderRefusedError, "'team' is a required property"),
        (ONE | {"path": "/{team}/things"}, {}, ProviderRefusedError, "team is part of the path"),
        (ONE | {"response_mapping": {"records": "thi("}}, {"things": []}, ProviderRefusedError, "mapping.records"),
        (LOOPING, [{"id": 1}], ProviderRefusedError, "The same page came again"),
    ],
)
async def test_what_is_no_page_of_records_is_told(
    connector: RestConnector, endpoint: dict[str, Any], answer: Any, error: type[Exception], said: str
) -> None:
    async with serving(ScriptedServer(always=lambda _: JSONResponse(answer))) as url:
        with pytest.raises(error, match=said):
            await read(source(connector, url, endpoint))


async def test_limit_refusal_and_outage_are_told_apart(connector: RestConnector) -> None:
    vendor = JiraSimulator(issues=3)
    changes: dict[str, Any] = {"auth": {"type": "basic"}, "secrets": {"auth.password": "p"}}
    async with running(vendor=vendor) as addresses:
        config = {"base_url": addresses["vendor"], "username": "mira"}
        issues = source(connector, "", SEARCH, config=config, **changes)
        vendor.faults.add(Fault(kind="rate_limit", retry_after=42))
        with pytest.raises(ProviderRateLimitedError) as limited:
            await read(issues)
        for kind in ("bad_json", "reset", "hang"):
            vendor.faults.add(Fault(kind=kind, seconds=20))
            with pytest.raises(ProviderUnavailableError):
                await read(issues)
        vendor.faults.add(Fault(kind="status", status=401))
        with pytest.raises(ProviderRefusedError, match="credentials"):
            await read(issues)
        found = await read(issues)

    assert limited.value.wait == timedelta(seconds=42)
    assert len(found.met) == 3


async def test_secrets_that_an_answer_repeats_are_not_kept(connector: RestConnector) -> None:
    server = ScriptedServer(always=lambda _: JSONResponse({"things": [{"id": 1, "seen": "Bearer sk_live_51Hq"}]}))
    async with serving(server) as url:
        things = source(connector, url, ONE, secrets={"auth.access_token": "sk_live_51Hq"})
        page = await things.fetch(things.first(None))

    assert server.received[0].headers["authorization"] == "Bearer sk_live_51Hq"
    assert b"sk_live_51Hq" not in page.body
    assert page.fresh[0][1].data == {"id": 1, "seen": "Bearer [hidden]"}


async def test_integration_without_an_endpoint_for_records_says_what_is_missing(connector: RestConnector) -> None:
    with pytest.raises(MissingConfigurationError, match="an endpoint whose response_mapping has `records`"):
        source(connector, "http://127.0.0.1:9", ONE | {"response_mapping": {"count": "length(@)"}})
