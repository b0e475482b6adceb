import httpx2
import pytest
from tieline_simulators import JiraSimulator

SEARCH = "/rest/api/3/search/jql"


async def search(api: httpx2.AsyncClient, jql: str, **more: object) -> dict[str, object]:
    answer: dict[str, object] = (await api.post(SEARCH, json={"jql": jql, **more})).json()
    return answer


async def keys(api: httpx2.AsyncClient, jql: str, **more: object) -> list[str]:
    found: list[str] = []
    token: object = None
    while True:
        page = await search(api, jql, fields=["updated"], nextPageToken=token, **more)
        issues = page["issues"]
        assert isinstance(issues, list)
        found += [each["key"] for each in issues]
        token = page.get("nextPageToken")
        if page["isLast"]:
            assert "nextPageToken" not in page
            return found


async def test_tokens_lead_through_every_issue_once(jira_api: httpx2.AsyncClient) -> None:
    found = await keys(jira_api, "project in (SHOP, OPS) ORDER BY updated ASC, key ASC", maxResults=10)

    assert len(found) == len(set(found)) == 55


async def test_only_ids_come_without_fields_and_only_asked_fields_with_them(jira_api: httpx2.AsyncClient) -> None:
    bare = await jira_api.get(SEARCH, params={"jql": "key = SHOP-2"})
    asked = await jira_api.get(SEARCH, params={"jql": "key = SHOP-2", "fields": "summary,status"})

    assert bare.json()["issues"] == [{"id": "20002"}]
    assert set(asked.json()["issues"][0]["fields"]) == {"summary", "status"}


async def test_page_token_of_another_query_is_refused(jira_api: httpx2.AsyncClient) -> None:
    token = (await search(jira_api, "project = SHOP", maxResults=1))["nextPageToken"]

    other = await jira_api.post(SEARCH, json={"jql": "project = OPS", "nextPageToken": token})

    assert other.status_code == 400


@pytest.mark.parametrize(
    ("jql", "says"),
    [
        ("", "Unbounded JQL"),
        ("ORDER BY key", "Unbounded JQL"),
        ("colour = red", "Field 'colour' does not exist"),
        ("project =", "ends too early"),
        ("project = SHOP status = Done", "Expecting either 'OR' or 'AND'"),
        ("updated >= yesterday", "Date value 'yesterday'"),
        ("status > Done", "operator '>' is not supported"),
        ("(project = SHOP", "ends too early"),
        ("key = SHOP", "issue key 'SHOP' is invalid"),
    ],
)
async def test_query_that_jira_would_not_run_is_refused_with_a_message(
    jira_api: httpx2.AsyncClient, jql: str, says: str
) -> None:
    answer = await jira_api.post(SEARCH, json={"jql": jql})

    assert answer.status_code == 400
    assert says in answer.json()["errorMessages"][0]


async def test_dates_are_read_and_shown_in_the_users_zone(jira_api: httpx2.AsyncClient, jira: JiraSimulator) -> None:
    jql = 'created >= "2026-03-02 09:00" ORDER BY created ASC'
    before = (await keys(jira_api, jql))[0]
    jira.configure({"utc_offset_minutes": 60})

    after = (await keys(jira_api, jql))[0]
    shown = await search(jira_api, "key = OPS-1", fields=["created"])

    assert (before, after) == ("SHOP-4", "OPS-1")
    assert shown["issues"][0]["fields"]["created"] == "2026-03-02T09:19:00.007+0100"  # type: ignore[index]  # JSON


async def test_old_search_is_gone(jira_api: httpx2.AsyncClient) -> None:
    assert (await jira_api.post("/rest/api/3/search", json={"jql": "project = SHOP"})).status_code == 410


async def test_token_is_taken_as_bearer_or_as_basic_password(jira_api: httpx2.AsyncClient) -> None:
    await jira_api.post("/_config", json={"tokens": ["test"]})

    basic = await jira_api.get("/rest/api/3/myself", auth=("mira@example.com", "test"))
    wrong = await jira_api.get("/rest/api/3/myself", auth=("mira@example.com", "other"))

    assert (basic.status_code, wrong.status_code) == (200, 401)


async def test_issue_put_by_a_test_is_updated_last(jira_api: httpx2.AsyncClient) -> None:
    rows = [{"id": "20003", "fields": {"summary": "Changed"}}, {"id": "30000", "key": "OPS-99", "fields": {}}]
    await jira_api.post("/_rows", json={"rows": rows})

    newest = await search(
        jira_api, "project in (SHOP,OPS) ORDER BY updated DESC, key ASC", maxResults=2, fields=["summary"]
    )

    assert [each["key"] for each in newest["issues"]] == ["OPS-3", "OPS-99"]  # type: ignore[attr-defined]  # JSON


async def test_rate_limit_has_retry_after(jira_api: httpx2.AsyncClient) -> None:
    await jira_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 4})

    answer = await jira_api.post(SEARCH, json={"jql": "project = SHOP"})

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "4")
