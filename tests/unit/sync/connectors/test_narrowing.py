"""Integrations that name a project, service or team are synced no further than that, whichever surface saved them."""

from typing import Any
from urllib.parse import unquote_plus

import pytest
from starlette.responses import JSONResponse
from tieline.ids import new_id
from tieline_sync.adapters.connectors.jira import JiraConnector
from tieline_sync.adapters.connectors.linear import LinearConnector
from tieline_sync.adapters.connectors.pagerduty import PagerDutyConnector
from tieline_sync.adapters.connectors.sentry import SentryConnector
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.ports import Connector

from tests.support.http_server import serving
from tests.support.scripted_server import ScriptedServer
from tests.unit.sync.connectors.support import clock, facts
from tests.unit.sync.connectors.vendors import sessions

NOTHING = {"issues": [], "incidents": [], "data": {"issues": {"nodes": [], "pageInfo": {"hasNextPage": False}}}}


def connector_of(provider: str, ready: Sessions) -> Connector:
    known: list[Connector] = [
        JiraConnector(ready, clock),
        PagerDutyConnector(ready, clock),
        SentryConnector(ready),
        LinearConnector(ready),
    ]
    return next(one for one in known if provider in one.providers)


@pytest.mark.parametrize(
    ("provider", "blocks", "asked"),
    [
        ("jira", {"scope": {"project_id": "SHOP"}}, 'project = "SHOP" AND'),
        ("jira", {"config": {"projects": ["SHOP"]}}, 'project = "SHOP" AND'),
        ("sentry", {"scope": {"org_slug": "acme", "project_id": "checkout"}}, "/projects/acme/checkout/issues/"),
        ("sentry", {"config": {"organization": "acme", "project": "checkout"}}, "/projects/acme/checkout/issues/"),
        ("pagerduty", {"config": {"service_id": "P1"}}, "service_ids[]=P1"),
        ("linear", {"config": {"teams": "ENG"}}, '"team":{"key":{"eq":"ENG"}}'),
    ],
)
async def test_only_what_is_named_is_asked_for(provider: str, blocks: dict[str, Any], asked: str) -> None:
    server = ScriptedServer(always=lambda _: JSONResponse([] if provider == "sentry" else NOTHING))
    async with serving(server) as url, sessions() as ready:
        config = {**blocks.get("config", {}), "base_url": f"{url}/api"}
        configured = facts(
            provider,
            config,
            {"auth.access_token": new_id()},
            **({"scope": blocks["scope"]} if "scope" in blocks else {}),
        )
        source = connector_of(provider, ready).open(configured, page_size=10)
        await source.fetch(source.first(None))

    [received] = server.received
    said = f"{received.path}?{unquote_plus(received.query)} {received.raw.decode()}".replace('\\"', '"')
    assert asked in said
