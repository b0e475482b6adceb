"""Surface C's document: every request and answer it shows, as far as no provider is called."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from tieline.contracts.commands import IntegrationDraft, SaveIntegrations, Target
from tieline.ids import new_id

from tests.contract.gateway.documented import INSTANT_Z, assert_same_shape
from tests.support.gateway_stack import Caller, GatewayStack

PAGERDUTY = {"integration": "pagerduty", "config": {"apiKey": "u+abcdef1234567890", "serviceId": "P1ABC2D"}}
CONFIGURED = {"integration": "pagerduty", "status": "active", "configuredAt": "2026-03-21T14:10:00Z"}
STATUS = {
    "integrations": [
        {"id": "pagerduty", "configured": True, "status": "active", "lastSync": None},
        {"id": "linear", "configured": True, "status": "active", "lastSync": None},
        {"id": "sentry", "configured": True, "status": "active", "lastSync": None},
        {"id": "slack", "configured": False, "status": "inactive", "lastSync": None},
    ]
}
ROUTE = {"eventType": "sentry.*", "channel": "slack", "channelId": "C0ERRORS", "projectId": "proj-001"}
ROUTE_CREATED: dict[str, Any] = {"id": "route-003", **ROUTE, "enabled": True, "createdAt": "2026-03-21T14:15:00Z"}


def call(caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
    """Send a request as the document does, with the key beside `x-org-id`."""
    return caller.http.request(method, path, headers=caller.org(**headers), json=body)


def test_configure_example(caller: Caller) -> None:
    answer = call(caller, "POST", "/api/integrations/configure", PAGERDUTY)

    assert answer.status_code == 200
    assert_same_shape(answer.json(), CONFIGURED)
    assert answer.json()["status"] == "active"


def test_status_example(caller: Caller) -> None:
    call(caller, "POST", "/api/integrations/configure", PAGERDUTY)
    call(caller, "POST", "/api/integrations/configure", {"integration": "linear", "config": {"apiKey": "lin"}})
    sentry = {"authToken": "sntrys", "organization": "acme", "project": "api-gateway"}
    call(caller, "POST", "/api/integrations/configure", {"integration": "sentry", "config": sentry})

    answer = call(caller, "GET", "/api/integrations/status")

    assert answer.status_code == 200
    assert answer.json() == STATUS


def test_status_finds_a_provider_behind_many_of_another(stack: GatewayStack, caller: Caller) -> None:
    many = [
        IntegrationDraft(
            target=Target(by="name", value=f"jira-{number}"), new_id=new_id(), name=f"jira-{number}", provider="jira"
        )
        for number in range(250)
    ]
    command = {"command_id": new_id(), "workspace_id": caller.workspace_id, "issued_by": "tests", "drafts": many}
    stack.send(SaveIntegrations(**command, issued_at=datetime.now(UTC)))
    call(caller, "POST", "/api/integrations/configure", {"integration": "slack", "config": {"botToken": "t"}})

    known = {one["id"]: one for one in call(caller, "GET", "/api/integrations/status").json()["integrations"]}

    assert known["slack"]["configured"] is True
    assert known["jira"]["configured"] is False


@pytest.mark.parametrize(
    ("integration", "config"),
    [
        ("pagerduty", {"apiKey": "k", "serviceId": "P1"}),
        ("linear", {"apiKey": "k"}),
        ("sentry", {"authToken": "t", "organization": "o", "project": "p"}),
        ("slack", {"botToken": "t"}),
        ("github", {"accessToken": "t"}),
        ("jira", {"apiToken": "t", "email": "a@example.com", "baseUrl": "https://acme.example.com"}),
        ("servicenow", {"url": "https://acme.example.com", "username": "u", "password": "p"}),
        ("discord", {"botToken": "t"}),
        ("telegram", {"botToken": "t"}),
        ("whatsapp", {"accessToken": "t", "phoneNumberId": "1"}),
        ("webhook", {"url": "https://hooks.example.com"}),
    ],
)
def test_each_integration_can_be_configured(resident: Caller, integration: str, config: dict[str, str]) -> None:
    answer = call(resident, "POST", "/api/integrations/configure", {"integration": integration, "config": config})

    known = {one["id"]: one for one in call(resident, "GET", "/api/integrations/status").json()["integrations"]}
    assert answer.status_code == 200
    assert known[integration] == {"id": integration, "configured": True, "status": "active", "lastSync": None}


@pytest.mark.parametrize(
    "body",
    [
        {"integration": "myspace", "config": {"apiKey": "k"}},
        {"integration": "pagerduty"},
        {"integration": "pagerduty", "config": "k"},
        {"integration": "pagerduty", "config": {}},
        {"integration": "pagerduty", "config": {"apiKey": ""}},
        {"integration": "pagerduty", "config": {"apiKey": 5}},
        {"integration": "pagerduty", "config": {"apiKey": "********"}},
        {"integration": "sentry", "config": {"webhookSecret": []}},
        {"integration": "sentry", "config": {"webhookSecret": ["a", 5]}},
        {"config": {"apiKey": "k"}},
        [],
    ],
)
def test_configure_refuses_in_shape(resident: Caller, body: Any) -> None:
    answer = call(resident, "POST", "/api/integrations/configure", body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "code", "status", "details"}
    assert (answer.json()["code"], answer.json()["status"]) == ("INVALID_REQUEST", 400)


def test_configuring_again_keeps_what_is_not_sent(stack: GatewayStack, caller: Caller) -> None:
    call(caller, "POST", "/api/integrations/configure", PAGERDUTY)
    rotating = {
        "integration": "pagerduty",
        "config": {"webhookSecret": ["new", "old"], "baseUrl": "https://eu.example"},
    }

    call(caller, "POST", "/api/integrations/configure", rotating)

    [shown] = caller.http.get("/integrations/all").json()["integrations"]
    opened = stack.credentials(caller, shown["id"])
    assert opened.secrets == {"auth.access_token": "u+abcdef1234567890", "config.webhook_secret": '["new","old"]'}
    assert opened.integration.config == {"service_id": "P1ABC2D", "base_url": "https://eu.example"}


def test_create_route_example(caller: Caller) -> None:
    answer = call(caller, "POST", "/api/channel-routes", ROUTE)

    assert answer.status_code == 200
    assert_same_shape(answer.json(), ROUTE_CREATED)
    assert {name: answer.json()[name] for name in ROUTE} == ROUTE


def test_list_routes_example(caller: Caller) -> None:
    wanted = [
        {"eventType": "incident.*", "channel": "slack", "channelId": "C0ALERTS", "projectId": "proj-001"},
        {"eventType": "deploy.*", "channel": "slack", "channelId": "C0DEPLOY", "projectId": "proj-001"},
    ]
    ids = [call(caller, "POST", "/api/channel-routes", body).json()["id"] for body in wanted]

    answer = call(caller, "GET", "/api/channel-routes")

    assert answer.status_code == 200
    assert answer.json() == {
        "routes": [{"id": i, **body, "enabled": True} for i, body in zip(ids, wanted, strict=True)]
    }


def test_a_long_list_of_routes_says_where_it_goes_on(caller: Caller) -> None:
    ids = [call(caller, "POST", "/api/channel-routes", ROUTE).json()["id"] for _ in range(5)]

    pages, path = [], "/api/channel-routes?limit=2"
    while path:
        answer = call(caller, "GET", path)
        pages.append([route["id"] for route in answer.json()["routes"]])
        path = answer.links.get("next", {}).get("url", "")

    assert pages == [ids[:2], ids[2:4], ids[4:]]
    assert answer.headers["x-total-count"] == "5"


def test_delete_route_example(caller: Caller) -> None:
    route_id = call(caller, "POST", "/api/channel-routes", ROUTE).json()["id"]

    answer = call(caller, "DELETE", f"/api/channel-routes/{route_id}")

    assert answer.status_code == 200
    assert answer.json() == {"id": route_id, "deleted": True}
    assert call(caller, "GET", "/api/channel-routes").json() == {"routes": []}


def test_a_route_without_project_has_null(caller: Caller) -> None:
    body = {name: value for name, value in ROUTE.items() if name != "projectId"}

    assert call(caller, "POST", "/api/channel-routes", body).json()["projectId"] is None


def test_a_route_is_changed_by_what_is_given(caller: Caller) -> None:
    route = call(caller, "POST", "/api/channel-routes", ROUTE).json()

    answer = call(caller, "PATCH", f"/api/channel-routes/{route['id']}", {"enabled": False, "projectId": None})

    assert answer.status_code == 200
    del route["createdAt"]
    assert answer.json() == {**route, "enabled": False, "projectId": None}
    assert call(caller, "GET", "/api/channel-routes").json() == {"routes": [answer.json()]}


@pytest.mark.parametrize(
    "body",
    [
        {**ROUTE, "channel": "fax"},
        {**ROUTE, "eventType": ""},
        {**ROUTE, "channelId": None},
        {"channel": "slack", "channelId": "C0"},
        {**ROUTE, "enabled": "yes"},
        {**ROUTE, "projectId": ""},
        {**ROUTE, "channel": "webhook", "channelId": "C0ERRORS"},
    ],
)
def test_create_route_refuses_in_shape(resident: Caller, body: Any) -> None:
    answer = call(resident, "POST", "/api/channel-routes", body)

    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"eventType": "sentry..issue"}, "position 7"),
        ({"eventType": "***"}, "position"),
        ({"filter": {"level": [{"prefixed": "e"}]}}, "/level"),
        ({"filter": {"level": "error"}}, "/level"),
    ],
)
def test_a_pattern_or_filter_that_is_none_is_refused_with_reason_and_place(
    resident: Caller, changed: dict[str, Any], why: str
) -> None:
    body = {"eventType": "sentry.*", "channel": "slack", "channelId": "C0ERRORS", **changed}

    answer = resident.http.post("/api/channel-routes", headers={"x-org-id": resident.slug}, json=body)

    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_REQUEST"
    assert why in answer.json()["details"]


def test_a_project_that_the_workspace_does_not_have_is_refused_in_shape(caller: Caller) -> None:
    path = f"/v1/{caller.workspace_id}/projects"
    before = call(caller, "GET", path).json()
    named = call(caller, "PUT", path, {"projects": ["proj-001", "proj-002"]})

    known = call(caller, "POST", "/api/channel-routes", ROUTE)
    unknown = call(caller, "POST", "/api/channel-routes", {**ROUTE, "projectId": "proj-009"})
    changed = call(caller, "PATCH", f"/api/channel-routes/{known.json()['id']}", {"projectId": "proj-009"})

    assert before == {"projects": []}
    assert named.json() == call(caller, "GET", path).json() == {"projects": ["proj-001", "proj-002"]}
    assert known.status_code == 200
    for refused in (unknown, changed):
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_REQUEST")
        assert "proj-009" in refused.json()["details"]


def test_error_route_not_found(resident: Caller) -> None:
    documented = {"error": "Channel route not found", "code": "ROUTE_NOT_FOUND", "status": 404}

    for method, body in (("DELETE", None), ("PATCH", {"enabled": False})):
        answer = call(resident, method, "/api/channel-routes/route-003", body)

        assert answer.status_code == 404
        assert answer.json() == documented


@pytest.mark.parametrize(
    ("method", "path", "body", "name"),
    [
        ("GET", "/api/integrations/pagerduty/oncall", None, "PagerDuty"),
        ("GET", "/api/integrations/pagerduty/incidents?status=triggered", None, "PagerDuty"),
        (
            "POST",
            "/api/integrations/pagerduty/incidents/P1INC001/acknowledge",
            {"acknowledgedBy": "agent-proj-abc123"},
            "PagerDuty",
        ),
        ("GET", "/api/integrations/linear/teams", None, "Linear"),
        ("GET", "/api/integrations/linear/issues?team=team-eng&status=In%20Progress", None, "Linear"),
        (
            "POST",
            "/api/integrations/linear/issues",
            {"title": "Investigate flaky test in auth module", "teamId": "team-eng", "priority": 3, "labels": ["bug"]},
            "Linear",
        ),
        ("GET", "/api/observability/sentry?project=api-gateway&limit=10", None, "Sentry"),
    ],
)
def test_error_integration_not_configured(caller: Caller, method: str, path: str, body: Any, name: str) -> None:
    answer = call(caller, method, path, body)

    assert answer.status_code == 400
    assert answer.json() == {
        "error": f"{name} integration is not configured",
        "code": "INTEGRATION_NOT_CONFIGURED",
        "status": 400,
    }


def test_the_organization_must_be_named(caller: Caller) -> None:
    answer = caller.http.get("/api/integrations/status")

    assert answer.status_code == 400
    assert answer.json() == {"error": "The x-org-id header is required", "code": "ORG_ID_REQUIRED", "status": 400}


def test_the_organization_is_named_by_slug_or_id(caller: Caller) -> None:
    for name in (caller.slug, caller.workspace_id):
        answer = caller.http.get("/api/integrations/status", headers={"x-org-id": name})

        assert answer.status_code == 200


def test_another_organization_is_refused(stack: GatewayStack, caller: Caller) -> None:
    other = stack.workspace()

    answer = caller.http.get("/api/integrations/status", headers=other.org())

    assert answer.status_code == 403
    assert set(answer.json()) == {"error", "code", "status"}


def test_the_organization_alone_proves_nothing(stack: GatewayStack, caller: Caller) -> None:
    answer = stack.http.get(f"{stack.gateway_url}/api/integrations/status", headers=caller.org())

    assert answer.status_code == 401
    assert answer.json() == {"error": "API key is required", "code": "UNAUTHORIZED", "status": 401}


def test_a_trusted_organization_header_is_enough_behind_a_proxy(stack: GatewayStack, caller: Caller) -> None:
    trusting = stack.gateway_settings().gateway.model_copy(update={"dangerous_trust_org_header": True})
    with stack.another_gateway(gateway=trusting) as address:
        configured = stack.http.post(f"{address}/api/integrations/configure", headers=caller.org(), json=PAGERDUTY)
        unknown = stack.http.get(f"{address}/api/integrations/status", headers={"x-org-id": "org-nobody"})

    assert configured.status_code == 200
    assert INSTANT_Z.fullmatch(configured.json()["configuredAt"])
    assert unknown.status_code == 403
