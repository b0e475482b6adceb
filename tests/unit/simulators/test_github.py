import httpx2
import pytest
from tieline_simulators import GitHubSimulator

ISSUES = "/repos/tieline-demo/shop/issues"


async def every_issue(api: httpx2.AsyncClient, url: str) -> list[dict[str, object]]:
    answer = await api.get(url)
    issues: list[dict[str, object]] = answer.json()
    while following := answer.links.get("next"):
        answer = await api.get(following["url"])
        issues += answer.json()
    return issues


async def test_links_lead_through_every_issue_once(github_api: httpx2.AsyncClient) -> None:
    issues = await every_issue(github_api, f"{ISSUES}?state=all&per_page=10")

    assert sorted(int(str(each["number"])) for each in issues) == list(range(1, 46))


async def test_first_middle_and_last_page_link_as_github_does(github_api: httpx2.AsyncClient) -> None:
    pages = [await github_api.get(f"{ISSUES}?state=all&per_page=15&page={page}") for page in (1, 2, 3)]
    single = await github_api.get(f"{ISSUES}?state=all&per_page=100")

    assert [list(page.links) for page in pages] == [
        ["next", "last"],
        ["prev", "next", "last", "first"],
        ["prev", "first"],
    ]
    assert "/repositories/" in pages[0].links["next"]["url"]
    assert "link" not in single.headers


async def test_open_issues_are_the_default_and_pull_requests_are_among_them(github_api: httpx2.AsyncClient) -> None:
    issues = await every_issue(github_api, ISSUES)

    assert {each["state"] for each in issues} == {"open"}
    assert any("pull_request" in each for each in issues)


async def test_since_and_sort_serve_incremental_reading(github_api: httpx2.AsyncClient) -> None:
    since = "2026-03-02T18:00:00Z"

    issues = await every_issue(github_api, f"{ISSUES}?state=all&since={since}&sort=updated&direction=asc&per_page=7")

    updated = [str(each["updated_at"]) for each in issues]
    assert 0 < len(updated) < 45
    assert updated == sorted(updated)
    assert min(updated) >= since


async def test_labels_must_all_be_there(github_api: httpx2.AsyncClient) -> None:
    bugs = await every_issue(github_api, f"{ISSUES}?state=all&labels=bug")
    both = await every_issue(github_api, f"{ISSUES}?state=all&labels=bug,docs")

    assert (len(bugs), len(both)) == (15, 0)


@pytest.mark.parametrize("query", ["state=asleep", "sort=colour", "direction=sideways"])
async def test_unknown_choice_is_422_with_the_field(github_api: httpx2.AsyncClient, query: str) -> None:
    answer = await github_api.get(f"{ISSUES}?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


async def test_missing_wrong_and_elsewhere_have_githubs_messages(
    github_api: httpx2.AsyncClient, github: GitHubSimulator
) -> None:
    github.configure({"tokens": ["test"], "repositories": ["tieline-demo/shop"]})

    wrong = await github_api.get(ISSUES, headers={"Authorization": "token other"})
    elsewhere = await github_api.get("/repos/other/shop/issues")
    missing = await github_api.get(f"{ISSUES}/99")

    assert [(each.status_code, each.json()["message"]) for each in (wrong, elsewhere, missing)] == [
        (401, "Bad credentials"),
        (404, "Not Found"),
        (404, "Not Found"),
    ]


async def test_secondary_rate_limit_is_a_403_with_retry_after(github_api: httpx2.AsyncClient) -> None:
    await github_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 60})

    answer = await github_api.get(ISSUES)

    assert (answer.status_code, answer.headers["retry-after"]) == (403, "60")
    assert "secondary rate limit" in answer.json()["message"]


async def test_issue_put_by_a_test_is_updated_last(github_api: httpx2.AsyncClient) -> None:
    await github_api.post("/_rows", json={"rows": [{"id": 3, "title": "Changed"}, {"id": 46, "title": "New"}]})

    newest = (await github_api.get(f"{ISSUES}?sort=updated&per_page=2")).json()

    assert [(each["number"], each["title"]) for each in newest] == [(46, "New"), (3, "Changed")]
