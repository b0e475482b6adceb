import httpx2
import pytest
from tieline_simulators import SentrySimulator

ISSUES = "/api/0/organizations/acme/issues/"


async def every_issue(api: httpx2.AsyncClient, url: str) -> list[dict[str, object]]:
    issues: list[dict[str, object]] = []
    while True:
        answer = await api.get(url)
        issues += answer.json()
        if answer.links["next"]["results"] == "false":
            return issues
        url = answer.links["next"]["url"]


async def test_links_lead_through_every_unresolved_issue_newest_first(sentry_api: httpx2.AsyncClient) -> None:
    issues = await every_issue(sentry_api, f"{ISSUES}?limit=10")

    seen = [str(each["lastSeen"]) for each in issues]
    assert len({str(each["id"]) for each in issues}) == len(issues) == 48
    assert seen == sorted(seen, reverse=True)
    assert {each["status"] for each in issues} == {"unresolved"}


async def test_both_links_are_always_there(sentry_api: httpx2.AsyncClient) -> None:
    answer = await sentry_api.get(ISSUES)

    assert {name: link["results"] for name, link in answer.links.items()} == {"previous": "false", "next": "false"}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("query=", 60),
        ("query=is:resolved", 12),
        ("query=is:unresolved level:fatal", 16),
        ("query=&project=11", 20),
        ("query=&project=-1", 60),
        ("query=timeouterror", 15),
        ("query=lastSeen:>=2026-03-02T20:00:00", 26),
    ],
)
async def test_query_and_project_narrow_the_list(sentry_api: httpx2.AsyncClient, query: str, count: int) -> None:
    assert len(await every_issue(sentry_api, f"{ISSUES}?{query}")) == count


async def test_project_path_lists_its_issues_only(sentry_api: httpx2.AsyncClient) -> None:
    issues = await every_issue(sentry_api, "/api/0/projects/acme/checkout/issues/?query=")
    missing = await sentry_api.get("/api/0/projects/acme/nothing/issues/")

    assert len(issues) == 20
    assert missing.status_code == 404


@pytest.mark.parametrize("query", ["query=colour:red", "cursor=x", "limit=many", "sort=colour", "query=lastSeen:>soon"])
async def test_query_that_sentry_cannot_read_is_refused(sentry_api: httpx2.AsyncClient, query: str) -> None:
    answer = await sentry_api.get(f"{ISSUES}?{query}")

    assert answer.status_code == 400
    assert answer.json()["detail"]


async def test_unknown_token_and_organization_are_refused(
    sentry_api: httpx2.AsyncClient, sentry: SentrySimulator
) -> None:
    sentry.configure({"tokens": ["test"], "organizations": ["acme"]})

    stranger = await sentry_api.get(ISSUES, headers={"Authorization": "Bearer other"})
    elsewhere = await sentry_api.get("/api/0/organizations/other/issues/")

    assert (stranger.status_code, stranger.json()) == (401, {"detail": "Invalid token"})
    assert elsewhere.status_code == 404


async def test_issue_put_by_a_test_comes_first(sentry_api: httpx2.AsyncClient) -> None:
    await sentry_api.post("/_rows", json={"rows": [{"id": "5000001", "status": "unresolved", "count": "999"}]})

    newest = (await sentry_api.get(f"{ISSUES}?limit=1")).json()[0]

    assert (newest["id"], newest["count"]) == ("5000001", "999")


async def test_rate_limit_tells_when_to_come_back_in_sentrys_headers(sentry_api: httpx2.AsyncClient) -> None:
    await sentry_api.post("/_faults", json={"fault": "rate_limit", "retry_after": 3})

    answer = await sentry_api.get(ISSUES)

    assert (answer.status_code, answer.headers["x-sentry-rate-limit-remaining"]) == (429, "0")
    assert int(answer.headers["x-sentry-rate-limit-reset"]) == 1_790_000_003
