"""What other services ask of the registry over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from starlette.applications import Starlette
from tieline.access import generate_key, hash_key, hint
from tieline.clock import system_clock
from tieline.contracts.commands import DeleteRoute, IssueApiKey, NewApiKey, RevokeApiKey, SaveRoute, Target
from tieline.contracts.integrations import Tag
from tieline.ids import new_id
from tieline.registry_client import RegistryClient, RegistryRefusedError
from tieline.settings import InternalSettings
from tieline_registry.bootstrap import create_app
from tieline_registry.settings import RegistrySettings

from tests.support.registry import KEYS, Asker, a_draft
from tests.support.waiting import eventually

PATHS = (
    "/internal/keys/resolve",
    "/internal/workspaces/find",
    "/internal/integrations/get",
    "/internal/integrations/list",
    "/internal/routes/list",
    "/internal/keys/list",
    "/internal/commands/find",
    "/internal/audit/list",
    "/internal/credentials/open",
    "/internal/keys/rotate",
    "/internal/topics/rebuild",
    "/internal/topics/forget",
)


@pytest.fixture
async def http(settings: RegistrySettings) -> AsyncIterator[httpx2.AsyncClient]:
    """The interface of a registry that takes no commands: its lifespan does not run."""
    app, _ = create_app(settings)
    assert isinstance(app, Starlette)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://registry") as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_answered_without_the_service_token(http: httpx2.AsyncClient, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": KEYS.internal_token}):
        answer = await http.post(path, headers=headers, json={})

        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/internal/keys/resolve", {"hash": {"$ne": None}}),
        ("/internal/workspaces/find", {"reference": {"$gt": ""}}),
        ("/internal/integrations/get", {"workspace_id": {"$ne": ""}, "integration_id": "x"}),
        ("/internal/integrations/list", {"workspace_id": "w", "sort": [["secrets", 1]]}),
        ("/internal/integrations/list", {"workspace_id": "w", "sort": [["name", 2]]}),
        ("/internal/integrations/list", {"workspace_id": "w", "where": {"$where": "sleep(1000)"}}),
        ("/internal/integrations/list", {"workspace_id": "w", "where": {"provider": {"$ne": None}}}),
        ("/internal/integrations/list", {"workspace_id": "w", "limit": 1_000_000}),
        ("/internal/routes/list", {"workspace_id": "w", "offset": -1}),
        ("/internal/commands/find", {"workspace_id": "w", "command_id": ["x"]}),
        ("/internal/credentials/open", {"workspace_id": "w"}),
        ("/internal/audit/list", []),
    ],
)
async def test_operators_and_other_types_are_refused_where_text_is_expected(
    http: httpx2.AsyncClient, path: str, body: Any
) -> None:
    token = KEYS.credentials_token if path == "/internal/credentials/open" else KEYS.internal_token

    answer = await http.post(path, headers={"authorization": f"Bearer {token}"}, json=body)

    assert answer.status_code == 400


async def test_the_token_that_the_gateway_has_opens_no_credentials(http: httpx2.AsyncClient) -> None:
    answer = await http.post(
        "/internal/credentials/open",
        headers={"authorization": f"Bearer {KEYS.internal_token}"},
        json={"workspace_id": "w", "integration_id": "i"},
    )

    assert answer.status_code == 401


async def test_while_tokens_are_replaced_the_old_and_the_new_prove_a_service_and_no_other_does(
    settings: RegistrySettings,
) -> None:
    tokens = {kind: [f"{kind}-{age}-{'x' * 16}" for age in ("new", "old")] for kind in ("shared", "opening")}
    internal = InternalSettings(
        token=SecretStr(", ".join(tokens["shared"])), credentials_token=SecretStr(",".join(tokens["opening"]))
    )
    app, _ = create_app(settings.model_copy(update={"internal": internal}))
    assert isinstance(app, Starlette)
    question = {"workspace_id": "w", "integration_id": "i"}

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://registry") as http:

        async def status(path: str, token: str) -> int:
            return (await http.post(path, headers={"authorization": f"Bearer {token}"}, json=question)).status_code

        for kind, path in (("shared", "/internal/integrations/get"), ("opening", "/internal/credentials/open")):
            assert [await status(path, token) for token in tokens[kind]] == [404, 404]
            assert await status(path, ",".join(tokens[kind])) == 401
            assert await status(path, tokens[kind][0][:-1]) == 401
        assert await status("/internal/credentials/open", tokens["shared"][0]) == 401
    async with RegistryClient(internal) as client:
        assert client._http.headers["authorization"] == f"Bearer {tokens['shared'][0]}"


async def test_a_body_beyond_the_limit_is_refused(http: httpx2.AsyncClient) -> None:
    answer = await http.post(
        "/internal/keys/resolve",
        headers={"authorization": f"Bearer {KEYS.internal_token}"},
        content=b'{"hash":"' + b"x" * 1_048_576 + b'"}',
    )

    assert answer.status_code == 413


async def test_a_client_with_another_token_is_refused(
    registry: RegistryClient, settings: RegistrySettings, http: httpx2.AsyncClient
) -> None:
    other = InternalSettings(token=SecretStr("x" * 32))

    async with RegistryClient(other, transport=http._transport) as stranger:
        with pytest.raises(RegistryRefusedError):
            await stranger.find_workspace("org-acme")


async def test_a_workspace_is_found_by_id_and_by_slug_and_by_nothing_else(
    registry: RegistryClient, asker: Asker
) -> None:
    by_slug = await registry.find_workspace("org-acme")

    assert by_slug is not None
    assert await registry.find_workspace(asker.workspace_id) == by_slug
    assert await registry.find_workspace("ORG-ACME") is None
    assert await registry.find_workspace("") is None


async def test_nothing_of_another_workspace_is_found_by_its_id(registry: RegistryClient, asker: Asker) -> None:
    saved = (await asker.ask(asker.save(a_draft(), secrets={"auth.token": "s3cret"}))).integrations[0]
    other = new_id()

    assert await registry.find_integration(other, saved.id) is None
    assert await registry.open_credentials(other, saved.id) is None
    assert (await registry.list_integrations(other)).items == []
    assert (await registry.list_routes(other)).items == []
    assert await registry.list_api_keys(other) == []
    assert (await registry.list_audit(other)).items == []


async def test_lists_are_filtered_searched_sorted_and_paged(registry: RegistryClient, asker: Asker) -> None:
    await asker.ask(
        asker.save(
            a_draft("alpha", display_name="Errors (prod)", enabled=False),
            a_draft("beta", provider="slack", protocol="desktop"),
            a_draft("gamma", display_name="errors (test)"),
        )
    )

    async def names(**asked: Any) -> list[str]:
        return [one.name for one in (await registry.list_integrations(asker.workspace_id, **asked)).items]

    assert await names() == ["alpha", "beta", "gamma"]
    assert await names(sort=[("name", -1)]) == ["gamma", "beta", "alpha"]
    assert await names(search="ERRORS (") == ["alpha", "gamma"]
    assert await names(search=".*") == []
    assert await names(search="slack") == ["beta"]
    assert await names(where={"enabled": False}) == ["alpha"]
    assert await names(where={"protocol": "desktop"}) == ["beta"]
    assert await names(where={"provider": "sentry", "enabled": True}) == ["gamma"]
    assert await names(where={"providers": ["slack", "linear"]}) == ["beta"]
    first = await registry.list_integrations(asker.workspace_id, limit=2)
    last = await registry.list_integrations(asker.workspace_id, limit=2, offset=2)
    assert (first.total, first.next_offset, last.next_offset) == (3, 2, None)
    assert [one.name for one in last.items] == ["gamma"]


async def test_a_list_shows_every_change_that_was_answered(registry: RegistryClient, asker: Asker) -> None:
    for number in range(5):
        saved = (await asker.ask(asker.save(a_draft(f"i{number}")))).integrations[0]
        assert (await registry.list_integrations(asker.workspace_id)).total == number + 1

        renamed = a_draft(f"r{number}", target=Target(by="id", value=saved.id), tags=[Tag(key="x")])
        await asker.ask(asker.save(renamed))
        found = await registry.list_integrations(asker.workspace_id, search=f"r{number}")
        assert [one.id for one in found.items] == [saved.id]


async def test_routes_are_listed_oldest_first_in_pages(registry: RegistryClient, asker: Asker) -> None:
    for number in range(3):
        await asker.ask(asker.route(channel_id=f"C{number}"))

    first = await registry.list_routes(asker.workspace_id, limit=2)
    last = await registry.list_routes(asker.workspace_id, limit=2, offset=2)

    assert [one.channel_id for one in [*first.items, *last.items]] == ["C0", "C1", "C2"]
    assert (first.total, first.next_offset, last.next_offset) == (3, 2, None)


async def test_routes_go_on_behind_a_position_across_gaps_whatever_was_changed_or_deleted(
    registry: RegistryClient, asker: Asker
) -> None:
    routes = [(await asker.ask(asker.route(channel_id=f"C{number}"))).route for number in range(5)]
    ids = [route.id for route in routes if route is not None]
    await asker.ask(asker.save(*(a_draft(f"i{number}") for number in range(60))))  # a gap in the numbers
    await asker.ask(asker.route(channel_id="C5"))
    first = await registry.list_routes(asker.workspace_id, limit=2)
    await asker.ask(SaveRoute(**asker.base(), route_id=ids[3], create=False, enabled=False))
    await asker.ask(DeleteRoute(**asker.base(), route_id=ids[2]))

    second = await registry.list_routes(asker.workspace_id, limit=2, offset=2, after=first.next_after)
    by_offset = await registry.list_routes(asker.workspace_id, limit=2, offset=2)
    third = await registry.list_routes(asker.workspace_id, limit=2, offset=4, after=second.next_after)

    assert [one.channel_id for one in [*first.items, *second.items]] == ["C0", "C1", "C3", "C4"]
    assert by_offset.items == second.items
    assert [one.channel_id for one in third.items] == ["C5"]
    assert (third.next_offset, third.next_after) == (None, None)


def issuing(asker: Asker, key: str, **given: Any) -> IssueApiKey:
    fields = {
        "key_id": new_id(),
        "name": "ci",
        "hash": hash_key(key),
        "hint": hint(key),
        "user_id": "user_1",
        "permissions": ["Integration.View"],
    }
    return IssueApiKey(**asker.base(), key=NewApiKey(**{**fields, **given}))


async def test_a_revoked_key_proves_nothing_and_stays_listed(registry: RegistryClient, asker: Asker) -> None:
    key = generate_key()
    issued = (await asker.ask(issuing(asker, key))).api_key
    assert issued is not None
    assert await registry.resolve_key(key) is not None

    await asker.ask(RevokeApiKey(**asker.base(), key_id=issued.id))

    assert await registry.resolve_key(key) is None
    newest, oldest = await registry.list_api_keys(asker.workspace_id)
    assert (newest.id, newest.hint, oldest.name) == (issued.id, hint(key), "first key")
    assert newest.revoked_at is not None


async def test_an_expired_key_proves_nothing(registry: RegistryClient, asker: Asker) -> None:
    expired, good = generate_key(), generate_key()
    await asker.ask(issuing(asker, expired, expires_at=system_clock() - timedelta(seconds=1)))
    await asker.ask(issuing(asker, good, expires_at=system_clock() + timedelta(hours=1)))

    assert await registry.resolve_key(expired) is None
    assert await registry.resolve_key(good) is not None


async def test_the_last_use_of_a_key_is_shown_a_moment_later(registry: RegistryClient, asker: Asker) -> None:
    key = generate_key()
    issued = (await asker.ask(issuing(asker, key))).api_key
    assert issued is not None
    assert issued.last_used_at is None

    await registry.resolve_key(key)

    async def shown() -> bool:
        keys = await registry.list_api_keys(asker.workspace_id)
        return next(one for one in keys if one.id == issued.id).last_used_at is not None

    await eventually(shown)


async def test_opening_credentials_is_audited_once_an_hour(registry: RegistryClient, asker: Asker) -> None:
    saved = (await asker.ask(asker.save(a_draft(), secrets={"auth.token": "s3cret"}))).integrations[0]

    for _ in range(3):
        await registry.open_credentials(asker.workspace_id, saved.id)

    async def audited() -> bool:
        return (await registry.list_audit(asker.workspace_id)).items[0].action == "credentials.open"

    await eventually(audited)
    entries = (await registry.list_audit(asker.workspace_id)).items
    assert [entry.action for entry in entries] == ["credentials.open", "integration.save", "workspace.create"]
    assert entries[0].changes[0].id == saved.id


async def test_every_query_that_grows_with_a_workspace_uses_an_index(
    registry: RegistryClient, asker: Asker, mongo_server: str, mongo_database: str
) -> None:
    await asker.ask(asker.save(*(a_draft(f"i{number:02}") for number in range(40))))
    await registry.list_integrations(asker.workspace_id)

    workspace = {"workspace_id": asker.workspace_id}
    queries: list[tuple[str, dict[str, Any], int]] = [
        ("workspaces", {"_id": asker.workspace_id}, 1),
        ("workspaces", {"slug": "org-acme"}, 1),
        ("api_keys", {"hash": "x"}, 0),
        ("integrations", {"_id": {"$in": ["x"]}}, 0),
        ("integrations", {"by_name": {"$in": [f"{asker.workspace_id}/i07"]}}, 1),
        ("integrations", {"by_unique": {"$in": [f"{asker.workspace_id}/u"]}}, 0),
        ("integrations", {"by_provider": f"{asker.workspace_id}/slack"}, 0),
        ("integrations", {**workspace, "sequence": {"$gt": 39}}, 2),
        ("deleted_integrations", {**workspace, "sequence": {"$gt": 0}}, 0),
        ("commands", {"_id": {"$in": ["x"]}}, 0),
        ("routes", {**workspace, "position": {"$gte": 1, "$lte": 400}}, 0),
        ("audit", {**workspace, "number": {"$gte": 40, "$lte": 50}}, 1),
    ]
    with MongoClient[dict[str, Any]](mongo_server) as client:
        for collection, query, matching in queries:
            plan = client[mongo_database][collection].find(query).explain()
            assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"]), (collection, query)
            assert plan["executionStats"]["totalDocsExamined"] == matching, (collection, query)
