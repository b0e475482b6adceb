"""What no document foresees: odd bytes, deep nesting, huge numbers, operators of the database. Never a 5xx."""

import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gateway_stack import Caller, GatewayStack

JSON = {"content-type": "application/json"}
ERRORS: dict[str, set[str]] = {
    "/api/v2/integrations/save": {"detail"},
    "/api/integrations": {"status", "error", "message", "errors"},
    "/api/integrations/configure": {"error", "code", "status", "details"},
    "/api/channel-routes": {"error", "code", "status", "details"},
    "/integrations/create": {"success", "message"},
    "v1:integrations": {"detail"},
    "v1:api-keys": {"detail"},
}
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "truncated": b'{"name": "x", "integration_type": "se',
    "not UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "half a surrogate pair": b'{"name": "\\ud800", "integration_type": "sentry"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "NaN": b'{"name": NaN}',
    "infinite": b'{"name": 1e999}',
    "huge integer": b'{"name": ' + b"9" * 400 + b"}",
    "integer with too many digits": b'{"name": ' + b"9" * 5000 + b"}",
    "deep lists": b"[" * 60_000,
    "deep objects": b'{"a":' * 500 + b"1" + b"}" * 500,
    "comments": b'{"name": "x" /* no */}',
    "two values": b"{} {}",
    "a number": b"5",
    "null": b"null",
}


def post(caller: Caller, path: str, body: bytes, **headers: str) -> httpx2.Response:
    """Send raw bytes."""
    where = caller.v1(path.partition(":")[2]) if path.startswith("v1:") else path
    return caller.http.post(where, content=body, headers=caller.org(**{**JSON, **headers}))


@pytest.mark.parametrize("path", ERRORS)
def test_odd_bodies_are_refused_in_shape(resident: Caller, path: str) -> None:
    for what, body in BODIES.items():
        answer = post(resident, path, body)

        assert answer.status_code in {400, 422}, f"{what}: {answer.status_code} {answer.text}"
        assert set(answer.json()) == ERRORS[path], what


@pytest.mark.parametrize("path", ERRORS)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_content_types_are_refused_in_shape(resident: Caller, path: str, kind: str) -> None:
    answer = post(resident, path, b'{"name": "x"}', **{"content-type": kind})

    assert answer.status_code in {400, 422}
    assert set(answer.json()) == ERRORS[path]


TEXT = st.text(max_size=40) | st.sampled_from(
    ["$where", "$ne", "a.b", "..", "~1", "__proto__", "\0", "../../etc", "(a+)+$", "💥", "'; --", "{{7*7}}", "%s%n"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
TEMPLATES: dict[str, Any] = {
    "/api/v2/integrations/save": {"name": "n", "integration_type": "sentry"},
    "/api/integrations/configure": {"integration": "slack", "config": {"botToken": "t"}},
    "/api/channel-routes": {"eventType": "a.*", "channel": "slack", "channelId": "C"},
    "/integrations/create": {"service_name": "Jira", "auth_type": "api_token", "config": {}, "is_active": True},
    "v1:integrations": {"name": "acme", "display_name": "Acme"},
    "v1:api-keys": {"name": "k"},
}
FIELDS = [
    (path, field)
    for path, fields in {
        "/api/v2/integrations/save": ["name", "unique_identifier", "auth_data", "scope_data", "metadata", "status"],
        "/api/integrations/configure": ["integration", "config"],
        "/api/channel-routes": ["eventType", "channel", "channelId", "projectId", "filter", "fallbackRouteId"],
        "/integrations/create": ["service_name", "auth_type", "config", "is_active"],
        "v1:integrations": ["name", "display_name", "base_url", "auth", "endpoints", "enabled"],
        "v1:api-keys": ["name", "permissions", "expires_at"],
    }.items()
    for field in fields
]


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # ids made in the same process do
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=st.sampled_from(FIELDS), value=VALUES)
def test_any_value_anywhere_is_taken_or_refused(resident: Caller, where: tuple[str, str], value: Any) -> None:
    path, field = where

    answer = post(resident, path, json.dumps({**TEMPLATES[path], field: value}).encode())

    assert answer.status_code in {200, 201, 400, 403, 404, 409, 422}, answer.text


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(search=TEXT.filter(bool), sort_by=TEXT, protocol=TEXT, token=st.integers())
def test_any_query_is_answered_or_refused(
    resident: Caller, search: str, sort_by: str, protocol: str, token: int
) -> None:
    query: dict[str, str | int] = {
        "search": search,
        "sort_by": sort_by,
        "protocol": protocol,
        "continuation_token": token,
    }
    for left_out in query:
        rest = {name: value for name, value in query.items() if name != left_out}

        answer = resident.http.get(resident.v1("integrations"), params=rest)

        assert answer.status_code in {200, 422}, answer.text


OPERATORS: dict[str, Any] = {
    "$where": "sleep(1000)",
    "$ne": None,
    "a.b": {"$gt": ""},
    "~0": ["$set", {"$inc": {"revision": 1}}],
    "_id": {"$oid": "0" * 24},
    "__proto__": {"polluted": True},
    "": "empty key",
    "💥": 2**63 - 1,
}


def test_database_operators_are_kept_as_data(stack: GatewayStack, caller: Caller) -> None:
    admin = {"service_name": "Jira", "auth_type": "api_token", "config": {**OPERATORS}, "is_active": True}
    other = caller.http.post(caller.v1("integrations"), json={"name": "bystander", "display_name": "B"}).json()

    created = caller.http.post("/integrations/create", json=admin).json()["integration"]
    metadata = {"instance_name": "x", **OPERATORS}
    saved = caller.http.post(
        "/api/v2/integrations/save", json={"name": "n", "integration_type": "jira", "metadata": metadata}
    ).json()["data"]
    schema = {"name": "e", "description": "d", "path": "/", "input_schema": OPERATORS}
    endpoints = caller.http.post(
        caller.v1("integrations"), json={"name": "acme", "display_name": "A", "endpoints": [schema]}
    ).json()["endpoints"]
    route = caller.http.post(
        "/api/channel-routes",
        headers=caller.org(),
        json={"eventType": "a.*", "channel": "slack", "channelId": "C", "filter": {"data": {"x": [{"exists": True}]}}},
    ).json()

    read = caller.http.get(f"/integrations/id/{created['id']}").json()["integration"]
    assert created["config"] == read["config"] == OPERATORS
    assert OPERATORS.items() <= saved["metadata"].items()
    assert endpoints[0]["input_schema"] == OPERATORS
    assert route["filter"] == {"data": {"x": [{"exists": True}]}}
    assert caller.http.get(caller.v1(f"integrations/{other['id']}")).json() == other
    assert stack.credentials(caller, created["id"]).integration.config == OPERATORS


def test_a_command_too_large_for_a_record_is_413(resident: Caller) -> None:
    body = {"service_name": "Jira", "auth_type": "api_token", "config": {"token": "x" * 900_000}, "is_active": True}

    answer = resident.http.post("/integrations/create", json=body)

    assert answer.status_code == 413
    assert set(answer.json()) == {"success", "message"}


def test_operators_in_place_of_ids_find_nothing(resident: Caller) -> None:
    for value in ("$ne", '{"$ne": null}', "[$ne]", ".*", "%2e%2e"):
        assert resident.http.get(f"/integrations/id/{value}").status_code == 404
        assert resident.http.delete(f"/api/channel-routes/{value}", headers=resident.org()).status_code == 404
    body = {"name": {"$ne": None}, "type": "openai", "configuration": {"api_key": "k"}}
    assert resident.http.post("/api/integrations", json=[body]).status_code == 400


def test_the_same_key_twice_in_an_object_is_the_last(resident: Caller) -> None:
    answer = post(resident, "/api/v2/integrations/save", b'{"name": "a", "integration_type": "jira", "name": "b"}')

    assert answer.json()["data"]["name"] == "b"


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PUT", "HEAD"])
def test_other_methods_are_refused_in_shape(resident: Caller, method: str) -> None:
    answer = resident.http.request(method, "/integrations/create")

    assert answer.status_code == 405
    if method != "HEAD":
        assert set(answer.json()) == {"success", "message"}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/integrations/nothing/here", {"success", "message"}),
        ("/api/integrations/nothing", {"error", "code", "status"}),
        ("/v1/x/nothing", {"detail"}),
        ("/nothing", {"detail"}),
        ("/integrations//create", {"success", "message"}),
    ],
)
def test_unknown_paths_are_404_in_shape(resident: Caller, path: str, names: set[str]) -> None:
    answer = resident.http.get(path, headers=resident.org())

    assert answer.status_code == 404
    assert set(answer.json()) == names
