from typing import Any

import httpx2
import pytest
from tieline_simulators import LinearSimulator

PAGE = """
query Page($first: Int, $after: String, $filter: IssueFilter, $orderBy: PaginationOrderBy) {
  issues(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    nodes {
      id identifier title updatedAt priority
      state { name type } team { key } assignee { name } labels { nodes { name } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def ask(api: httpx2.AsyncClient, query: str, **variables: object) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.post("/graphql", json={"query": query, "variables": variables})).json()
    return answer


async def every_issue(api: httpx2.AsyncClient, **variables: object) -> list[dict[str, Any]]:
    issues: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await ask(api, PAGE, after=after, first=20, **variables))["data"]["issues"]
        issues += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return issues
        after = page["pageInfo"]["endCursor"]


async def test_cursors_lead_through_every_issue_newest_first(linear_api: httpx2.AsyncClient) -> None:
    issues = await every_issue(linear_api, orderBy="updatedAt")

    updated = [each["updatedAt"] for each in issues]
    assert len({each["id"] for each in issues}) == len(issues) == 70
    assert updated == sorted(updated, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"updatedAt": {"gte": "2026-03-03T12:00:00Z"}}, 19),
        ({"updatedAt": {"gte": "2026-03-03T12:00:00Z", "lt": "2026-03-03T13:00:00+00:00"}}, 2),
        ({"team": {"key": {"eq": "ENG"}}}, 35),
        ({"state": {"name": {"in": ["Todo", "Done"]}}}, 35),
        ({"state": {"type": {"eq": "completed"}}, "team": {"key": {"eq": "PLT"}}}, 0),
        ({"assignee": {"null": True}}, 17),
        ({"assignee": {"name": {"eq": "Jonas Lind"}}}, 18),
        ({"labels": {"name": {"eq": "backend"}}}, 23),
        ({"labels": {"some": {"name": {"startsWith": "sec"}}}}, 23),
        ({"labels": {"every": {"name": {"neq": "backend"}}}}, 47),
        ({"or": [{"number": {"eq": 1}}, {"number": {"eq": 2}}]}, 2),
        ({"and": [{"number": {"gt": 10}}, {"number": {"lte": 12}}]}, 2),
        ({"priority": {"eq": 1}, "title": {"containsIgnoreCase": "DELIVERY"}}, 14),
        ({"completedAt": {"null": False}}, 18),
    ],
)
async def test_filter_finds(linear_api: httpx2.AsyncClient, wanted: dict[str, object], count: int) -> None:
    assert len(await every_issue(linear_api, filter=wanted)) == count


async def test_teams_count_their_issues_and_list_states(linear_api: httpx2.AsyncClient) -> None:
    answer = await ask(linear_api, "{ teams { nodes { key issueCount states { nodes { name } } } } }")

    assert [(each["key"], each["issueCount"]) for each in answer["data"]["teams"]["nodes"]] == [
        ("ENG", 35),
        ("PLT", 35),
    ]
    assert len(answer["data"]["teams"]["nodes"][0]["states"]["nodes"]) == 4


async def test_created_issue_can_be_read_back(linear_api: httpx2.AsyncClient) -> None:
    team = (await ask(linear_api, '{ team(id: "ENG") { id } }'))["data"]["team"]["id"]
    create = (
        "mutation($input: IssueCreateInput!) { issueCreate(input: $input)"
        " { success issue { id identifier url state { name } } } }"
    )

    created = await ask(linear_api, create, input={"teamId": team, "title": "Flaky test", "priority": 3})

    issue = created["data"]["issueCreate"]["issue"]
    read = await ask(linear_api, "query($id: String!) { issue(id: $id) { title priorityLabel } }", id=issue["id"])
    assert (created["data"]["issueCreate"]["success"], issue["state"]["name"]) == (True, "Todo")
    assert read["data"]["issue"] == {"title": "Flaky test", "priorityLabel": "Medium"}


async def test_issue_put_by_a_test_is_updated_last(linear_api: httpx2.AsyncClient, linear: LinearSimulator) -> None:
    identifier = next(iter(linear.records))
    done = next(each for each in linear.records.values() if each["state"]["name"] == "Done")["state"]  # type: ignore[index]
    await linear_api.post("/_rows", json={"rows": [{"id": identifier, "stateId": done["id"]}]})  # type: ignore[index]

    newest = (await ask(linear_api, PAGE, first=1, orderBy="updatedAt"))["data"]["issues"]["nodes"][0]

    assert (newest["id"], newest["state"]["name"]) == (identifier, "Done")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ issues { nodes { colour } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ issues(first: 251) { nodes { id } } }", "INPUT_ERROR"),
        ('{ issues(after: "nowhere") { nodes { id } } }', "INPUT_ERROR"),
        ('{ issue(id: "NONE-1") { id } }', "INPUT_ERROR"),
        ('{ issues(filter: { updatedAt: { gt: "soon" } }) { nodes { id } } }', "INPUT_ERROR"),
        ('mutation { issueCreate(input: { teamId: "nowhere", title: "x" }) { success } }', "INPUT_ERROR"),
        ("{ issues", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_query_that_cannot_be_run_has_errors_and_is_not_recorded(
    linear_api: httpx2.AsyncClient, linear: LinearSimulator, query: str, code: str
) -> None:
    answer = await ask(linear_api, query)

    assert answer["errors"][0]["extensions"]["code"] == code
    assert list(linear.received) == []


@pytest.mark.parametrize(
    ("authorization", "status"), [("lin_api_test", 200), ("Bearer lin_api_test", 200), ("other", 401)]
)
async def test_key_is_taken_bare_or_as_bearer(linear_api: httpx2.AsyncClient, authorization: str, status: int) -> None:
    await linear_api.post("/_config", json={"tokens": ["lin_api_test"]})

    answer = await linear_api.post(
        "/graphql", json={"query": "{ viewer { name } }"}, headers={"Authorization": authorization}
    )

    assert answer.status_code == status


async def test_rate_limit_is_a_400_with_its_code_and_the_reset_in_milliseconds(linear_api: httpx2.AsyncClient) -> None:
    await linear_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 2})

    answer = await linear_api.post("/graphql", json={"query": "{ viewer { name } }"})

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "RATELIMITED")
    assert answer.headers["x-ratelimit-requests-reset"] == "1790000002000"


CREATE_LABEL = """
mutation Create($input: IssueLabelCreateInput!) {
  issueLabelCreate(input: $input) { success issueLabel { id name isGroup team { id } } }
}
"""


async def test_created_label_belongs_to_its_team_and_its_name_is_taken_then(linear_api: httpx2.AsyncClient) -> None:
    teams = (await ask(linear_api, "{ teams { nodes { id labels { nodes { name } } } } }"))["data"]["teams"]["nodes"]
    wanted = {"name": "flaky-test", "teamId": teams[0]["id"]}

    created = (await ask(linear_api, CREATE_LABEL, input=wanted))["data"]["issueLabelCreate"]["issueLabel"]
    again = await ask(linear_api, CREATE_LABEL, input=wanted)

    after = (await ask(linear_api, "{ teams { nodes { labels { nodes { name } } } } }"))["data"]["teams"]["nodes"]
    assert (created["name"], created["isGroup"], created["team"]) == ("flaky-test", False, {"id": teams[0]["id"]})
    assert again["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert ["flaky-test" in {label["name"] for label in team["labels"]["nodes"]} for team in after] == [True, False]


async def test_issue_is_not_created_twice_under_one_id(linear_api: httpx2.AsyncClient) -> None:
    create = "mutation C($input: IssueCreateInput!) { issueCreate(input: $input) { issue { id } } }"
    team = (await ask(linear_api, "{ teams { nodes { id } } }"))["data"]["teams"]["nodes"][0]["id"]
    wanted = {"id": "0b0a0a0e-54f3-4a3b-8d1c-0c9d5d6f1a11", "title": "Once", "teamId": team}

    first, second = [await ask(linear_api, create, input=wanted) for _ in range(2)]

    assert first["data"]["issueCreate"]["issue"]["id"] == wanted["id"]
    assert second["errors"]
