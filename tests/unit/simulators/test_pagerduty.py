import httpx2
import pytest


async def every_incident(api: httpx2.AsyncClient, **query: str) -> list[str]:
    numbers: list[str] = []
    while True:
        page = (await api.get("/incidents", params={**query, "limit": "7", "offset": str(len(numbers))})).json()
        numbers += [each["id"] for each in page["incidents"]]
        if not page["more"]:
            return numbers


async def test_pages_lead_through_every_incident_once(pagerduty_api: httpx2.AsyncClient) -> None:
    numbers = await every_incident(pagerduty_api)

    assert len(numbers) == len(set(numbers)) == 30


async def test_statuses_and_service_narrow_the_list(pagerduty_api: httpx2.AsyncClient) -> None:
    query = "statuses[]=triggered&statuses[]=acknowledged&service_ids[]=PSVC001&total=true"

    page = (await pagerduty_api.get(f"/incidents?{query}")).json()

    assert page["total"] == len(page["incidents"]) > 0
    assert {each["status"] for each in page["incidents"]} <= {"triggered", "acknowledged"}
    assert {each["service"]["id"] for each in page["incidents"]} == {"PSVC001"}


async def test_since_and_until_bound_when_incidents_were_created(pagerduty_api: httpx2.AsyncClient) -> None:
    since, until = "2026-03-02T12:00:00Z", "2026-03-02T16:00:00Z"

    page = (await pagerduty_api.get("/incidents", params={"since": since, "until": until})).json()

    created = [each["created_at"] for each in page["incidents"]]
    assert created
    assert all(since <= each < until for each in created)


async def test_update_changes_status_and_who_did_it(pagerduty_api: httpx2.AsyncClient) -> None:
    changes = {"incident": {"type": "incident_reference", "status": "resolved"}}

    answer = await pagerduty_api.put("/incidents/PINC0030", json=changes)

    shown = (await pagerduty_api.get("/incidents/PINC0030")).json()["incident"]
    assert answer.status_code == 200
    assert (shown["status"], shown["assignments"], shown["last_status_change_by"]["summary"]) == (
        "resolved",
        [],
        "Mira Okafor",
    )


@pytest.mark.parametrize("sender", ["", "stranger@example.com"])
async def test_update_needs_a_known_from_header(pagerduty_api: httpx2.AsyncClient, sender: str) -> None:
    changes = {"incident": {"type": "incident", "status": "resolved"}}

    answer = await pagerduty_api.put("/incidents/PINC0030", json=changes, headers={"From": sender})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 1008)


@pytest.mark.parametrize("authorization", ["", "Token test", "Basic eDp5", "Token token="])
async def test_only_the_token_form_is_accepted(pagerduty_api: httpx2.AsyncClient, authorization: str) -> None:
    answer = await pagerduty_api.get("/users/me", headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"message", "code"}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=9990&limit=25", "statuses[]=open", "sort_by=colour", "since=yesterday"]
)
async def test_invalid_query_is_refused_with_the_reasons(pagerduty_api: httpx2.AsyncClient, query: str) -> None:
    answer = await pagerduty_api.get(f"/incidents?{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 2001)
    assert answer.json()["error"]["errors"]


async def test_unknown_incident_and_service_are_not_found(pagerduty_api: httpx2.AsyncClient) -> None:
    incident = await pagerduty_api.get("/incidents/PNONE")
    service = await pagerduty_api.get("/services/PNONE")

    assert [each.json() for each in (incident, service)] == [{"error": {"message": "Not Found", "code": 2100}}] * 2


async def test_who_is_on_call_can_be_asked_by_escalation_policy(pagerduty_api: httpx2.AsyncClient) -> None:
    page = (await pagerduty_api.get("/oncalls?escalation_policy_ids[]=PESC001")).json()

    assert [each["escalation_level"] for each in page["oncalls"]] == [1, 2]


async def test_rate_limit_tells_when_to_come_back(pagerduty_api: httpx2.AsyncClient) -> None:
    await pagerduty_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 20})

    answer = await pagerduty_api.get("/incidents")

    assert (answer.status_code, answer.headers["ratelimit-reset"]) == (429, "20")
    assert answer.json() == {"error": {"message": "Rate Limit Exceeded", "code": 2020}}


async def test_included_users_and_assignees_come_whole(pagerduty_api: httpx2.AsyncClient) -> None:
    oncalls = (await pagerduty_api.get("/oncalls?include[]=users")).json()["oncalls"]
    incidents = (await pagerduty_api.get("/incidents?statuses[]=triggered&include[]=assignees")).json()["incidents"]

    assert all(each["user"]["email"] for each in oncalls)
    assert all(each["assignments"][0]["assignee"]["email"] for each in incidents)


async def test_incident_put_by_a_test_is_listed(pagerduty_api: httpx2.AsyncClient) -> None:
    await pagerduty_api.post("/_rows", json={"rows": [{"id": "PNEW1", "title": "New here"}], "delete": ["PINC0001"]})

    listed = await every_incident(pagerduty_api, date_range="all")
    shown = (await pagerduty_api.get("/incidents/PNEW1")).json()["incident"]

    assert "PNEW1" in listed
    assert "PINC0001" not in listed
    assert (shown["title"], shown["status"]) == ("New here", "triggered")


async def test_read_only_key_cannot_write(pagerduty_api: httpx2.AsyncClient) -> None:
    await pagerduty_api.post("/_config", json={"read_only": True})

    answer = await pagerduty_api.put("/incidents/PINC0030", json={"incident": {"type": "incident"}})

    assert answer.status_code == 403


async def test_notes_are_kept_with_who_wrote_them(pagerduty_api: httpx2.AsyncClient) -> None:
    written = await pagerduty_api.post("/incidents/PINC0030/notes", json={"note": {"content": "On it"}})
    empty = await pagerduty_api.post("/incidents/PINC0030/notes", json={"note": {"content": ""}})
    unknown = await pagerduty_api.post("/incidents/PNONE/notes", json={"note": {"content": "On it"}})

    notes = (await pagerduty_api.get("/incidents/PINC0030/notes")).json()["notes"]
    assert (written.status_code, empty.status_code, unknown.status_code) == (200, 400, 404)
    assert [(each["content"], each["user"]["summary"]) for each in notes] == [("On it", "Mira Okafor")]


async def test_key_of_the_account_belongs_to_no_user(pagerduty_api: httpx2.AsyncClient) -> None:
    await pagerduty_api.post("/_config", json={"account_key": True})

    assert (await pagerduty_api.get("/users/me")).status_code == 400
