"""Surface C's calls to providers: every request and answer its document shows, and every error."""

import re
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse

from tests.contract.gateway.documented import assert_same_shape
from tests.contract.providers.configuring import configure, get, post
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack
from tests.support.scripted_server import Received, ScriptedServer

ONCALL: dict[str, Any] = {
    "oncall": {
        "userId": "PUSER123",
        "name": "Fabiano Cruz",
        "email": "fabiano@acme.com",
        "escalationLevel": 1,
        "since": "2026-03-21T08:00:00Z",
        "until": "2026-03-22T08:00:00Z",
    }
}
INCIDENTS: dict[str, Any] = {
    "incidents": [
        {
            "id": "P1INC001",
            "title": "High error rate on /api/checkout",
            "status": "triggered",
            "urgency": "high",
            "service": "api-gateway",
            "createdAt": "2026-03-21T14:05:00Z",
            "assignee": {"name": "Fabiano Cruz", "email": "fabiano@acme.com"},
        }
    ],
    "total": 1,
}
ACKNOWLEDGED = {"id": "P1INC001", "status": "acknowledged", "acknowledgedAt": "2026-03-21T14:06:00Z"}
TEAMS = {
    "teams": [
        {"id": "team-eng", "name": "Engineering", "key": "ENG", "issueCount": 142},
        {"id": "team-platform", "name": "Platform", "key": "PLT", "issueCount": 87},
    ]
}
ISSUES: dict[str, Any] = {
    "issues": [
        {
            "id": "ENG-347",
            "title": "Add rate limiting to public API",
            "status": "In Progress",
            "priority": 2,
            "assignee": {"name": "Maria Silva"},
            "labels": ["backend", "security"],
            "createdAt": "2026-03-19T10:00:00Z",
        }
    ],
    "total": 1,
}
CREATED = {
    "id": "ENG-348",
    "title": "Investigate flaky test in auth module",
    "status": "Todo",
    "url": "https://linear.app/acme/issue/ENG-348",
}
SENTRY: dict[str, Any] = {
    "issues": [
        {
            "id": "4812345",
            "title": "TypeError: Cannot read property 'id' of undefined",
            "culprit": "src/handlers/checkout.ts in processOrder",
            "level": "error",
            "count": 142,
            "userCount": 38,
            "firstSeen": "2026-03-20T09:00:00Z",
            "lastSeen": "2026-03-21T14:01:00Z",
            "permalink": "https://sentry.io/organizations/acme/issues/4812345/",
        }
    ],
    "total": 1,
}
CREATE_ISSUE = {
    "title": "Investigate flaky test in auth module",
    "teamId": "team-eng",
    "description": "Test `auth.spec.ts:42` has failed 3 times in the last 24h.",
    "priority": 3,
    "labels": ["bug", "flaky-test"],
}


def test_oncall_example(resident: Caller, providers: ProviderStack) -> None:
    answer = get(resident, "/api/integrations/pagerduty/oncall")

    assert answer.status_code == 200
    assert_same_shape(answer.json(), ONCALL)
    assert answer.json()["oncall"]["escalationLevel"] == 1
    assert answer.json()["oncall"]["name"] == "Jonas Lind"
    assert [each.path for each in providers.stand_ins["pagerduty"].received] == ["/services/PSVC001", "/oncalls"]
    assert {each.headers["authorization"] for each in providers.stand_ins["pagerduty"].received} == {
        "Token token=u+abcdef1234567890"
    }


def test_level_one_is_found_on_whichever_page_it_is(asker: Caller, providers: ProviderStack) -> None:
    def answer(received: Received) -> JSONResponse:
        if received.path.startswith("/services/"):
            return JSONResponse({"service": {"id": "P1", "escalation_policy": {"id": "PESC"}}})
        is_last = "offset=1" in received.query
        who = {"id": "P1", "type": "user", "name": "One" if is_last else "Two", "email": "x@example.com"}
        oncall = {"user": who, "escalation_level": 1 if is_last else 2, "start": None, "end": None}
        return JSONResponse({"oncalls": [oncall], "more": not is_last})

    with providers.serve(ScriptedServer(always=answer)) as address:
        configure(asker, providers, "pagerduty", apiKey="k3y-0", serviceId="P1", baseUrl=address)
        found = get(asker, "/api/integrations/pagerduty/oncall").json()["oncall"]

    assert (found["name"], found["escalationLevel"]) == ("One", 1)


def test_incidents_example(resident: Caller) -> None:
    answer = get(resident, "/api/integrations/pagerduty/incidents?status=triggered")

    assert answer.status_code == 200
    assert {each["status"] for each in answer.json()["incidents"]} == {"triggered"}
    for incident in answer.json()["incidents"]:
        assert_same_shape(incident, INCIDENTS["incidents"][0])
    assert answer.json()["total"] == len(answer.json()["incidents"])


def test_open_incidents_are_listed_by_default(resident: Caller) -> None:
    answer = get(resident, "/api/integrations/pagerduty/incidents").json()

    created = [each["createdAt"] for each in answer["incidents"]]
    assert {each["status"] for each in answer["incidents"]} == {"triggered", "acknowledged"}
    assert created == sorted(created, reverse=True)


def test_acknowledge_example(resident: Caller, providers: ProviderStack) -> None:
    incident = get(resident, "/api/integrations/pagerduty/incidents?status=triggered&limit=1").json()["incidents"][0]

    answer = post(
        resident,
        f"/api/integrations/pagerduty/incidents/{incident['id']}/acknowledge",
        {"acknowledgedBy": "agent-proj-abc123"},
    )

    notes = httpx2.get(
        f"{providers.addresses['pagerduty']}/incidents/{incident['id']}/notes",
        headers={"authorization": "Token token=x"},
        trust_env=False,
    ).json()["notes"]
    assert answer.status_code == 200
    assert_same_shape(answer.json(), ACKNOWLEDGED)
    assert (answer.json()["id"], answer.json()["status"]) == (incident["id"], "acknowledged")
    assert "agent-proj-abc123" in notes[-1]["content"]
    changes = [each for each in providers.stand_ins["pagerduty"].received if each.method != "GET"]
    assert {each.headers["from"] for each in changes} == {"mira@example.com"}


def test_acknowledging_again_adds_nothing_but_a_note_of_somebody_else(
    resident: Caller, providers: ProviderStack
) -> None:
    path = "/api/integrations/pagerduty/incidents/PINC0054/acknowledge"

    answers = [post(resident, path, {"acknowledgedBy": who}) for who in ("agent-1", "agent-1", "agent-2", "agent-1")]

    sent = [(each.method, each.path) for each in providers.stand_ins["pagerduty"].received if each.method != "GET"]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sent == [
        ("PUT", "/incidents/PINC0054"),
        ("POST", "/incidents/PINC0054/notes"),
        ("POST", "/incidents/PINC0054/notes"),
    ]


def test_acknowledging_needs_no_body(resident: Caller, providers: ProviderStack) -> None:
    answer = resident.http.post("/api/integrations/pagerduty/incidents/PINC0060/acknowledge", headers=resident.org())

    notes = [each.body for each in providers.stand_ins["pagerduty"].received if each.path.endswith("/notes")]
    assert answer.status_code == 200
    assert resident.user_id in str(notes)


@pytest.mark.parametrize(
    ("config", "acknowledged_by", "sender"),
    [
        ({"email": "priya@example.com", "incident": "PINC0048"}, "agent-1", "priya@example.com"),
        ({"incident": "PINC0050"}, "tomas@example.com", "tomas@example.com"),
        ({"incident": "PINC0052"}, "agent-1", None),
    ],
)
def test_with_a_key_of_the_account_somebody_has_to_be_named(
    asker: Caller, providers: ProviderStack, *, config: dict[str, str], acknowledged_by: str, sender: str | None
) -> None:
    incident = config["incident"]
    configure(asker, providers, "pagerduty", apiKey="account-key-0", **config)
    providers.stand_ins["pagerduty"].configure({"account_key": True})

    path = f"/api/integrations/pagerduty/incidents/{incident}/acknowledge"
    answer = post(asker, path, {"acknowledgedBy": acknowledged_by})

    providers.stand_ins["pagerduty"].configure({"account_key": False})
    writes = [each for each in providers.stand_ins["pagerduty"].received if each.method != "GET"]
    assert answer.status_code == (502 if sender is None else 200)
    assert {each.headers.get("from") for each in writes} == ({sender} if sender else set())
    assert sender is not None or "From header" in answer.json()["details"]


def test_a_resolved_incident_is_not_opened_again_by_acknowledging(resident: Caller, providers: ProviderStack) -> None:
    answer = post(resident, "/api/integrations/pagerduty/incidents/PINC0001/acknowledge", {"acknowledgedBy": "a"})

    assert answer.status_code == 502
    assert "resolved" in answer.json()["details"]
    assert {each.method for each in providers.stand_ins["pagerduty"].received} == {"GET"}


def test_teams_example(resident: Caller) -> None:
    answer = get(resident, "/api/integrations/linear/teams")

    assert answer.status_code == 200
    assert_same_shape(answer.json(), TEAMS)
    assert [(each["name"], each["key"]) for each in answer.json()["teams"]] == [
        ("Engineering", "ENG"),
        ("Platform", "PLT"),
    ]


def test_issues_example(resident: Caller) -> None:
    team = get(resident, "/api/integrations/linear/teams").json()["teams"][0]

    answer = get(resident, f"/api/integrations/linear/issues?team={team['id']}&status=In%20Progress")

    all_of_team = get(resident, f"/api/integrations/linear/issues?team={team['id']}&limit=250").json()["issues"]
    assert answer.status_code == 200
    assert answer.json()["issues"] == [each for each in all_of_team if each["status"] == "In Progress"]
    assert {each["id"].split("-")[0] for each in all_of_team} == {"ENG"}


def test_issues_have_the_documented_shape(resident: Caller) -> None:
    issues = get(resident, "/api/integrations/linear/issues").json()["issues"]

    for issue in issues:
        assert_same_shape(issue, {**ISSUES["issues"][0], **({} if issue["assignee"] else {"assignee": None})})
    assert {issue["assignee"] is None for issue in issues} == {True, False}


def test_issues_of_an_assignee(resident: Caller, providers: ProviderStack) -> None:
    users = graphql(providers, "{ users { nodes { id name } } }")["users"]["nodes"]

    issues = get(resident, f"/api/integrations/linear/issues?assignee={users[0]['id']}").json()["issues"]

    assert {each["assignee"]["name"] for each in issues} == {users[0]["name"]}


def test_create_issue_example(resident: Caller) -> None:
    team = get(resident, "/api/integrations/linear/teams").json()["teams"][0]

    answer = post(resident, "/api/integrations/linear/issues", {**CREATE_ISSUE, "teamId": team["id"]})

    listed = get(resident, f"/api/integrations/linear/issues?team={team['id']}").json()["issues"]
    created = next(each for each in listed if each["id"] == answer.json()["id"])
    assert answer.status_code == 200
    assert_same_shape(answer.json(), CREATED)
    assert answer.json()["title"] == CREATE_ISSUE["title"]
    assert answer.json()["url"].endswith(answer.json()["id"])
    assert (created["priority"], sorted(created["labels"])) == (3, ["bug", "flaky-test"])


def test_an_issue_is_created_once_under_an_idempotency_key(resident: Caller) -> None:
    team = get(resident, "/api/integrations/linear/teams").json()["teams"][1]
    body = {"title": "Only once", "teamId": team["id"], "labels": ["backend"]}

    first, second = [
        post(resident, "/api/integrations/linear/issues", body, **{"idempotency-key": "one"}) for _ in range(2)
    ]

    listed = get(resident, f"/api/integrations/linear/issues?team={team['id']}").json()["issues"]
    assert first.json() == second.json()
    assert [each["title"] for each in listed].count("Only once") == 1


def test_a_label_is_found_in_any_case_and_not_created_again(resident: Caller, providers: ProviderStack) -> None:
    team = get(resident, "/api/integrations/linear/teams").json()["teams"][0]

    answer = post(
        resident, "/api/integrations/linear/issues", {"title": "x", "teamId": team["id"], "labels": ["BackEnd"]}
    )

    assert answer.status_code == 200
    assert not [each for each in providers.stand_ins["linear"].received if "issueLabelCreate" in each.raw.decode()]


def test_sentry_example(resident: Caller, providers: ProviderStack) -> None:
    answer = get(resident, "/api/observability/sentry?project=checkout&limit=10")

    assert answer.status_code == 200
    assert len(answer.json()["issues"]) == 10
    for issue in answer.json()["issues"]:
        assert_same_shape(issue, SENTRY["issues"][0])
    [received] = providers.stand_ins["sentry"].received
    assert received.path == "/api/0/projects/acme/checkout/issues/"
    assert received.headers["authorization"] == "Bearer sntrys_0123456789"


def test_unresolved_issues_of_all_projects_are_listed_by_default(resident: Caller, providers: ProviderStack) -> None:
    answer = get(resident, "/api/observability/sentry").json()

    [received] = providers.stand_ins["sentry"].received
    assert len(answer["issues"]) == 25
    assert received.path == "/api/0/organizations/acme/issues/"
    assert "query=is%3Aunresolved" in received.query


def test_a_query_is_passed_on(resident: Caller) -> None:
    answer = get(resident, "/api/observability/sentry?query=is:resolved level:warning&limit=100").json()

    assert {each["level"] for each in answer["issues"]} == {"warning"}


@pytest.mark.parametrize(
    ("path", "name", "size"),
    [
        ("/api/integrations/pagerduty/incidents?status=triggered,acknowledged,resolved&limit=7", "incidents", 60),
        ("/api/integrations/linear/issues?limit=9&status=Done", "issues", 18),
        ("/api/observability/sentry?limit=11&project=billing", "issues", 16),
    ],
)
def test_pages_lead_through_everything_once(resident: Caller, path: str, name: str, size: int) -> None:
    found: list[str] = []
    following: str | None = path
    while following is not None:
        answer = get(resident, following)
        found += [each["id"] for each in answer.json()[name]]
        link = re.fullmatch(r'<([^>]*)>; rel="next"', answer.headers.get("link", ""))
        following = link[1] if link else None

    assert len(found) == len(set(found)) == size


def test_a_limit_above_the_providers_page_is_reached_by_several(resident: Caller, providers: ProviderStack) -> None:
    rows = [{"id": f"PMORE{number}", "title": "More"} for number in range(140)]
    httpx2.post(f"{providers.addresses['pagerduty']}/_rows", json={"rows": rows}, trust_env=False)

    answer = get(resident, "/api/integrations/pagerduty/incidents?status=triggered&limit=140")

    httpx2.post(
        f"{providers.addresses['pagerduty']}/_rows", json={"delete": [row["id"] for row in rows]}, trust_env=False
    )
    assert len(answer.json()["incidents"]) == 140
    assert answer.json()["total"] >= 140


def graphql(providers: ProviderStack, query: str) -> Any:
    answer = httpx2.post(
        f"{providers.addresses['linear']}/graphql",
        json={"query": query},
        headers={"authorization": "x"},
        trust_env=False,
    )
    return answer.json()["data"]
