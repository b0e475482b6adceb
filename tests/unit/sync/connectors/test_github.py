"""What GitHub's `Link` header may lead on by."""

import pytest
from starlette.responses import JSONResponse, Response
from tieline_sync.adapters.connectors.github import GitHubConnector
from tieline_sync.domain.errors import ProviderUnavailableError

from tests.support.http_server import serving
from tests.support.scripted_server import ScriptedServer
from tests.unit.sync.connectors.support import facts, read
from tests.unit.sync.connectors.vendors import sessions

ELSEWHERE = "https://elsewhere.example/repositories/1/issues"


def issues(*numbers: int, link: str = "") -> Response:
    rows = [
        {
            "id": number,
            "number": number,
            "updated_at": f"2026-03-20T12:00:{60 - number}Z",
            "repository_url": "/acme/shop",
        }
        for number in numbers
    ]
    return JSONResponse(rows, headers={"link": link} if link else None)


@pytest.mark.parametrize("by", ["page=2", "after=Y3Vyc29yOnYyOjE%3D", "after=Y3Vyc29yOnYyOjE%3D&page=2"])
async def test_next_page_is_asked_for_as_the_link_says_at_our_own_address(by: str) -> None:
    server = ScriptedServer()
    server.answers.extend([issues(1, 2, link=f'<{ELSEWHERE}?per_page=9&{by}>; rel="next"'), issues(3)])
    async with serving(server) as url, sessions() as ready:
        configured = facts("github", {"base_url": url, "repository": "acme/shop"}, {"auth.access_token": "key-1"})
        found = await read(GitHubConnector(ready).open(configured, page_size=2))

    assert found.met == ["1", "2", "3"]
    asked = [received.query for received in server.received]
    assert asked == [asked[0], f"{asked[0]}&{by}"]
    assert "per_page=2" in asked[0]


async def test_next_page_that_is_named_by_nothing_known_is_no_end() -> None:
    server = ScriptedServer()
    server.answers.append(issues(1, link=f'<{ELSEWHERE}?since_id=1>; rel="next"'))
    async with serving(server) as url, sessions() as ready:
        configured = facts("github", {"base_url": url, "repository": "acme/shop"}, {"auth.access_token": "key-1"})
        with pytest.raises(ProviderUnavailableError, match="a next page without number or cursor"):
            await read(GitHubConnector(ready).open(configured, page_size=2))
