"""Surface E's document: its operations, their statuses and rules."""

from typing import Any

import httpx2
import pytest

from tests.support.gateway_stack import Caller, GatewayStack

NOBODYS = "00000000-0000-4000-8000-000000000000"

MINIMAL: dict[str, Any] = {"name": "acme-crm", "display_name": "Acme CRM"}
ENDPOINT: dict[str, Any] = {
    "name": "find-contact",
    "description": "Finds a contact",
    "method": "GET",
    "path": "/contacts/{contact_id}",
    "input_schema": {"type": "object", "properties": {"contact_id": {"type": "string"}}},
    "response_mapping": {"name": "data.name"},
    "response_filter": ["data"],
    "result_template": "{name}",
    "result_key": "data",
    "max_result_length": 500,
    "retry_config": {"max_retries": 1, "retry_on_status": [503]},
    "result_delivery": "queue",
    "headers": {"x-team": "crm"},
    "body_format": "form",
    "request_transform": {"inject": {"source": "tieline"}, "wrap_params_key": "params"},
}
AUTH_TYPES: dict[str, dict[str, Any]] = {
    "api_key_header": {"header_name": "x-key", "api_key_value": {"value": "plain-1"}},
    "bearer_token": {"bearer_token_value": {"value": "plain-2"}},
    "oauth2_client_credentials": {
        "token_url": "https://login.example/token",
        "client_id": "c",
        "scopes": ["a", "b"],
        "client_secret_value": {"value": "plain-3"},
    },
    "json_token_exchange": {
        "token_url": "https://login.example/token",
        "token_request_client_id_field": "id",
        "token_request_client_secret_field": "secret",
        "token_response_path": "data.token",
        "client_secret_value": {"value": "plain-4"},
    },
    "oauth2_jwt_bearer": {
        "token_url": "https://login.example/token",
        "assertion_issuer": "i",
        "assertion_subject": "s",
        "assertion_audience": "a",
        "token_lifetime_seconds": 600,
        "assertion_scopes_in_jwt": True,
        "private_key_value": {"value": "plain-5"},
    },
    "bearer_token_exchange": {
        "exchange_url": "https://login.example/exchange",
        "exchange_secret_header": "X-Secret",
        "exchange_secret_format": "Key {secret}",
        "exchange_param_headers": [
            {"header_name": "X-USER-ID", "param_name": "user_id", "consume": False, "required": True}
        ],
        "exchange_token_field": "jwt",
        "exchange_expires_in_field": "ttl",
        "exchange_default_ttl_seconds": 240,
        "exchange_secret_value": {"value": "plain-6"},
    },
}


def create(caller: Caller, **fields: Any) -> httpx2.Response:
    """Create an integration."""
    return caller.http.post(caller.v1("integrations"), json={**MINIMAL, **fields})


def test_create_answers_201_with_the_documented_defaults(caller: Caller) -> None:
    answer = create(caller)

    created = answer.json()
    assert answer.status_code == 201
    assert {k: v for k, v in created.items() if k not in {"id", "created_at", "updated_at"}} == {
        "workspace_id": caller.workspace_id,
        "name": "acme-crm",
        "display_name": "Acme CRM",
        "protocol": "rest",
        "base_url": "",
        "auth": None,
        "endpoints": [],
        "enabled": True,
        "builtin": False,
    }


def test_get_answers_what_create_did(caller: Caller) -> None:
    created = create(caller, base_url="https://crm.example", endpoints=[ENDPOINT], enabled=False)

    answer = caller.http.get(caller.v1(f"integrations/{created.json()['id']}"))

    assert answer.status_code == 200
    assert answer.json() == created.json()
    assert answer.json()["endpoints"] == [ENDPOINT]
    assert answer.headers["etag"] == created.headers["etag"] == '"1"'


@pytest.mark.parametrize("kind", AUTH_TYPES)
def test_auth_is_kept_and_its_secrets_never_shown(stack: GatewayStack, resident: Caller, kind: str) -> None:
    given = AUTH_TYPES[kind]

    answer = create(resident, name=kind, auth={"type": kind, **given})

    shown = answer.json()["auth"]
    opened = stack.credentials(resident, answer.json()["id"])
    assert answer.status_code == 201
    assert {k: v for k, v in given.items() if not k.endswith("_value")}.items() <= shown.items()
    assert "plain-" not in answer.text
    assert list(opened.secrets.values()) == [given[k]["value"] for k in given if k.endswith("_value")]


def test_an_endpoint_takes_the_documented_defaults(caller: Caller) -> None:
    answer = create(caller, endpoints=[{"name": "e", "description": "d", "path": "/p"}])

    assert answer.json()["endpoints"] == [
        {
            "name": "e",
            "description": "d",
            "method": "POST",
            "path": "/p",
            "input_schema": {},
            "response_mapping": None,
            "response_filter": None,
            "result_template": None,
            "result_key": None,
            "max_result_length": 0,
            "retry_config": {"max_retries": 2, "retry_on_status": [429, 502, 503, 504]},
            "result_delivery": "interrupt",
            "headers": {},
            "body_format": "json",
            "request_transform": None,
        }
    ]


def test_409_when_the_name_is_taken(caller: Caller) -> None:
    create(caller)

    answer = create(caller)

    assert answer.status_code == 409
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Acme CRM"},
        {"name": "a"},
        {"name": "x" * 129},
        {"name": "-acme"},
        {"name": "acme\n"},
        {"display_name": ""},
        {"display_name": "x" * 257},
        {"protocol": "desktop"},
        {"base_url": "x" * 2049},
        {"base_url": "https://user:password@crm.example"},
        {"auth": {"type": "basic"}},
        {"auth": {"type": "bearer_token", "bearer_token_ssm_param_path": "/x"}},
        {"auth": {"type": "bearer_token", "bearer_token_value": {"value": ""}}},
        {"auth": {"type": "bearer_token", "bearer_token_value": {"value": "x" * 8193}}},
        {"auth": {"type": "bearer_token_exchange", "exchange_secret_format": "no place"}},
        {"auth": {"type": "bearer_token_exchange", "exchange_default_ttl_seconds": 119}},
        {"endpoints": [{"name": "e", "description": "d"}]},
        {"endpoints": [{**ENDPOINT, "method": "HEAD"}]},
        {"endpoints": [ENDPOINT, ENDPOINT]},
        {"endpoints": [{**ENDPOINT, "name": f"e{n}"} for n in range(51)]},
        {"enabled": None},
    ],
)
def test_422_for_an_invalid_body(resident: Caller, fields: dict[str, Any]) -> None:
    answer = create(resident, **fields)

    assert answer.status_code == 422
    for wrong in answer.json()["detail"]:
        assert set(wrong) == {"loc", "msg", "type"}
        assert wrong["loc"][0] == "body"


def test_422_does_not_repeat_a_secret(resident: Caller) -> None:
    answer = create(resident, auth={"type": "bearer_token", "bearer_token_value": {"value": "plain-secret" * 1000}})

    assert answer.status_code == 422
    assert "plain-secret" not in answer.text


def test_404_for_an_integration_or_workspace_that_is_not_there(resident: Caller) -> None:
    paths = [resident.v1(f"integrations/{NOBODYS}"), f"/v1/{NOBODYS}/integrations/{NOBODYS}"]

    for path in paths:
        for method, body in (("GET", None), ("PATCH", {"enabled": True}), ("DELETE", None)):
            answer = resident.http.request(method, path, json=body)

            assert answer.status_code == 404
            assert set(answer.json()) == {"detail"}
    assert resident.http.post(f"/v1/{NOBODYS}/integrations", json=MINIMAL).status_code == 404
    assert resident.http.get(f"/v1/{NOBODYS}/integrations").status_code == 403


def test_422_for_ids_that_are_none(resident: Caller) -> None:
    assert resident.http.get("/v1/acme/integrations").status_code == 422
    assert resident.http.get(resident.v1("integrations/acme")).status_code == 422


def test_delete_answers_204_and_nothing_is_left(caller: Caller) -> None:
    path = caller.v1(f"integrations/{create(caller).json()['id']}")

    answer = caller.http.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert caller.http.get(path).status_code == 404
    assert caller.http.delete(path).status_code == 404


@pytest.mark.parametrize("headers", [{"authorization": ""}, {"authorization": "Bearer nobody"}])
def test_401_without_a_valid_key(resident: Caller, headers: dict[str, str]) -> None:
    answer = resident.http.get(resident.v1("integrations"), headers=headers)

    assert answer.status_code == 401
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize(
    ("permission", "method", "rest"),
    [
        ("integration.view", "GET", ""),
        ("integration.view", "GET", f"/{NOBODYS}"),
        ("integration.create", "POST", ""),
        ("integration.edit", "PATCH", f"/{NOBODYS}"),
        ("integration.delete", "DELETE", f"/{NOBODYS}"),
    ],
)
def test_403_without_the_permission(
    stack: GatewayStack, resident: Caller, permission: str, method: str, rest: str
) -> None:
    every = {f"integration.{one}" for one in ("view", "create", "edit", "delete", "sync")}
    without = stack.key(resident, *every - {permission})
    body = {"POST": MINIMAL, "PATCH": {"enabled": True}}.get(method)

    answer = without.http.request(method, resident.v1(f"integrations{rest}"), json=body)

    assert answer.status_code == 403
    assert set(answer.json()) == {"detail"}


@pytest.fixture(scope="module")
def shelf(stack: GatewayStack) -> Caller:
    """A workspace with five integrations."""
    holder = stack.workspace()
    for name, display, enabled in (
        ("alpha", "Zebra", True),
        ("bravo", "Yak", False),
        ("charlie", "Xerus", True),
        ("delta", "Wombat 100%", False),
        ("echo", "Alphabet.*", True),
    ):
        assert create(holder, name=name, display_name=display, enabled=enabled).status_code == 201
    return holder


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["alpha", "bravo", "charlie", "delta", "echo"]),
        ({"sort_by": "-name"}, ["echo", "delta", "charlie", "bravo", "alpha"]),
        ({"sort_by": "display_name"}, ["echo", "delta", "charlie", "bravo", "alpha"]),
        ({"sort_by": "created_at"}, ["alpha", "bravo", "charlie", "delta", "echo"]),
        ({"sort_by": "-updated_at"}, ["echo", "delta", "charlie", "bravo", "alpha"]),
        ({"enabled": "true"}, ["alpha", "charlie", "echo"]),
        ({"enabled": "false"}, ["bravo", "delta"]),
        ({"protocol": "rest"}, ["alpha", "bravo", "charlie", "delta", "echo"]),
        ({"protocol": "desktop"}, []),
        ({"search": "alpha"}, ["alpha", "echo"]),
        ({"search": "WOMBAT"}, ["delta"]),
        ({"search": "100%"}, ["delta"]),
        ({"search": ".*"}, ["echo"]),
        ({"search": "((((("}, []),
        ({"search": "$where"}, []),
        ({"search": "a\0b"}, []),
        ({"search": "a", "enabled": "true", "sort_by": "-name"}, ["echo", "charlie", "alpha"]),
    ],
)
def test_list_by(shelf: Caller, query: dict[str, str], expected: list[str]) -> None:
    answer = shelf.http.get(shelf.v1("integrations"), params=query)

    assert answer.status_code == 200
    assert [item["name"] for item in answer.json()["items"]] == expected
    assert answer.json()["total"] == len(expected)


def test_list_goes_on_where_its_token_says(shelf: Caller) -> None:
    pages: list[list[str]] = []
    token: int | None = 0
    while token is not None:
        query: dict[str, int] = {"limit": 2, "continuation_token": token}
        page = shelf.http.get(shelf.v1("integrations"), params=query).json()
        pages.append([item["name"] for item in page["items"]])
        assert page["has_more"] is (page["continuation_token"] is not None)
        token = page["continuation_token"]

    assert pages == [["alpha", "bravo"], ["charlie", "delta"], ["echo"]]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "many"},
        {"continuation_token": -1},
        {"continuation_token": 10**30},
        {"search": ""},
        {"search": "x" * 201},
        {"sort_by": "secrets"},
        {"sort_by": "--name"},
        {"enabled": "perhaps"},
    ],
)
def test_list_refuses(shelf: Caller, query: dict[str, Any]) -> None:
    answer = shelf.http.get(shelf.v1("integrations"), params=query)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", next(iter(query))]


def test_a_page_past_the_end_is_empty(shelf: Caller) -> None:
    page = shelf.http.get(shelf.v1("integrations"), params={"continuation_token": 1000}).json()

    assert (page["items"], page["has_more"], page["total"]) == ([], False, 5)


def test_patch_changes_what_it_names(stack: GatewayStack, caller: Caller) -> None:
    auth = {"type": "api_key_header", "header_name": "x-key", "api_key_value": {"value": "plain-1"}}
    created = create(caller, base_url="https://crm.example", auth=auth, endpoints=[ENDPOINT]).json()
    path = caller.v1(f"integrations/{created['id']}")

    renamed = caller.http.patch(path, json={"display_name": "CRM", "enabled": False})
    other_header = caller.http.patch(path, json={"auth": {"type": "api_key_header", "header_name": "x-other"}})

    assert renamed.status_code == 200
    assert renamed.json() == {
        **created,
        "display_name": "CRM",
        "enabled": False,
        "updated_at": renamed.json()["updated_at"],
    }
    assert other_header.json()["auth"]["header_name"] == "x-other"
    assert stack.credentials(caller, created["id"]).secrets == {"auth.api_key": "plain-1"}


def test_patch_to_another_type_of_auth_drops_the_old_secret(stack: GatewayStack, caller: Caller) -> None:
    auth = {"type": "api_key_header", "api_key_value": {"value": "plain-1"}}
    created = create(caller, auth=auth).json()
    path = caller.v1(f"integrations/{created['id']}")

    caller.http.patch(path, json={"auth": {"type": "bearer_token", "bearer_token_value": {"value": "plain-2"}}})
    first = stack.credentials(caller, created["id"]).secrets
    answer = caller.http.patch(path, json={"auth": None})

    assert first == {"auth.access_token": "plain-2"}
    assert stack.credentials(caller, created["id"]).secrets == {}
    assert answer.json()["auth"] is None


@pytest.mark.parametrize("body", [{"name": "other"}, {"protocol": "rest"}, {"display_name": None}, {"id": NOBODYS}, []])
def test_patch_refuses(caller: Caller, body: Any) -> None:
    created = create(caller).json()

    answer = caller.http.patch(caller.v1(f"integrations/{created['id']}"), json=body)

    assert answer.status_code == 422


def test_if_match_prevents_a_lost_update(caller: Caller) -> None:
    created = create(caller)
    path = caller.v1(f"integrations/{created.json()['id']}")
    first = {"if-match": created.headers["etag"]}

    mine = caller.http.patch(path, json={"display_name": "Mine"}, headers=first)
    theirs = caller.http.patch(path, json={"display_name": "Theirs"}, headers=first)
    stale_delete = caller.http.delete(path, headers=first)
    fresh = caller.http.patch(path, json={"display_name": "Both"}, headers={"if-match": mine.headers["etag"]})

    assert (mine.status_code, theirs.status_code, stale_delete.status_code, fresh.status_code) == (200, 412, 412, 200)
    assert set(theirs.json()) == {"detail"}
    assert caller.http.get(path).json()["display_name"] == "Both"


@pytest.mark.parametrize(
    ("if_match", "status"), [("*", 200), ('W/"1"', 412), ('"99"', 412), ('"x"', 412), ("1", 422), ('"1", "2"', 422)]
)
def test_if_match_forms(caller: Caller, if_match: str, status: int) -> None:
    created = create(caller).json()
    path = caller.v1(f"integrations/{created['id']}")

    assert caller.http.patch(path, json={"enabled": True}, headers={"if-match": if_match}).status_code == status
