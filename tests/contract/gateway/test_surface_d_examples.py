"""Surface D's document: every request and answer it shows but the sync stream."""

from typing import Any

import httpx2
import pytest

from tests.contract.gateway.documented import assert_same_shape
from tests.support.gateway_stack import Caller, GatewayStack

CREATE: dict[str, Any] = {
    "service_name": "ServiceNow",
    "auth_type": "basic_auth",
    "config": {"url": "https://dev12345.service-now.com", "username": "admin", "password": "your_password"},
    "is_active": True,
}
UPDATE: dict[str, Any] = {
    "service_name": "ServiceNow Production",
    "auth_type": "basic_auth",
    "config": {"url": "https://prod.service-now.com", "username": "admin", "password": "new_password"},
    "is_active": True,
}
INTEGRATION: dict[str, Any] = {
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "service_name": "ServiceNow",
    "auth_type": "basic_auth",
    "config": {"url": "https://dev12345.service-now.com", "username": "admin", "password": "********"},
    "is_active": True,
    "last_synced_at": None,
    "last_sync_status": None,
    "last_sync_error": None,
    "updated_at": "2026-03-01T10:30:00Z",
    "user_id": "user_abc123",
}
NOT_FOUND = {"success": False, "message": "Integration not found"}
NOBODYS = "550e8400-e29b-41d4-a716-446655440000"


def create(caller: Caller, body: Any = None) -> httpx2.Response:
    """Create an integration, the documented one by default."""
    return caller.http.post("/integrations/create", json=CREATE if body is None else body)


def stable(integration: dict[str, Any]) -> dict[str, Any]:
    """Return what does not differ from one run to the next."""
    return {name: value for name, value in integration.items() if name not in {"id", "updated_at"}}


def test_create_example(caller: Caller) -> None:
    answer = create(caller)

    assert answer.status_code == 200
    assert_same_shape(answer.json(), {"success": True, "integration": INTEGRATION})
    assert stable(answer.json()["integration"]) == stable(INTEGRATION)


def test_list_all_example(caller: Caller) -> None:
    created = create(caller).json()["integration"]

    answer = caller.http.get("/integrations/all")

    assert answer.status_code == 200
    assert answer.json() == {"success": True, "integrations": [created]}


def test_get_by_id_example(caller: Caller) -> None:
    created = create(caller).json()["integration"]

    answer = caller.http.get(f"/integrations/id/{created['id']}")

    assert answer.status_code == 200
    assert answer.json() == {"success": True, "integration": created}


def test_update_example(stack: GatewayStack, caller: Caller) -> None:
    created = create(caller).json()["integration"]

    answer = caller.http.put(f"/integrations/update/{created['id']}", json=UPDATE)

    updated = answer.json()["integration"]
    assert answer.status_code == 200
    assert_same_shape(answer.json(), {"success": True, "integration": INTEGRATION})
    assert updated["id"] == created["id"]
    assert updated["service_name"] == "ServiceNow Production"
    assert updated["config"] == {"url": "https://prod.service-now.com", "username": "admin", "password": "********"}
    assert stack.credentials(caller, created["id"]).secrets == {"config.password": "new_password"}


def test_delete_example(caller: Caller) -> None:
    created = create(caller).json()["integration"]

    answer = caller.http.delete(f"/integrations/delete/{created['id']}")

    assert answer.status_code == 200
    assert answer.json() == {"success": True, "message": "Integration deleted successfully"}
    assert caller.http.get("/integrations/all").json() == {"success": True, "integrations": []}


@pytest.mark.parametrize("integration_id", [NOBODYS, "no-uuid", "a%00b", "%F0%9F%92%A9"])
def test_error_integration_not_found(resident: Caller, integration_id: str) -> None:
    answers = [
        resident.http.get(f"/integrations/id/{integration_id}"),
        resident.http.put(f"/integrations/update/{integration_id}", json=UPDATE),
        resident.http.delete(f"/integrations/delete/{integration_id}"),
    ]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, NOT_FOUND)] * 3


def test_the_mask_sent_back_keeps_the_secret(stack: GatewayStack, caller: Caller) -> None:
    created = create(caller).json()["integration"]
    body = {**UPDATE, "config": {**created["config"], "username": "someone-else"}}

    answer = caller.http.put(f"/integrations/update/{created['id']}", json=body)

    assert answer.json()["integration"]["config"] == body["config"]
    assert stack.credentials(caller, created["id"]).secrets == {"config.password": "your_password"}


def test_an_update_drops_what_it_does_not_name(stack: GatewayStack, caller: Caller) -> None:
    created = create(caller).json()["integration"]
    body = {**UPDATE, "auth_type": "oauth2", "config": {"url": "https://x.example", "client_id": "c"}}

    answer = caller.http.put(f"/integrations/update/{created['id']}", json=body)

    assert answer.json()["integration"]["config"] == {"url": "https://x.example", "client_id": "c"}
    assert answer.json()["integration"]["auth_type"] == "oauth2"
    assert stack.credentials(caller, created["id"]).secrets == {}


def test_a_mask_where_nothing_is_stored_is_refused(resident: Caller) -> None:
    config = {**CREATE["config"], "password": "********"}

    answer = create(resident, {**CREATE, "config": config})

    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert "password" in answer.json()["message"]


def test_secrets_are_masked_by_name_and_by_kind_of_value(caller: Caller) -> None:
    config = {
        "api_token": "plain",
        "clientSecret": "plain",
        "nested": {"private_key": "plain", "shown": 1, "hooks": ["https://ok.example", "https://u:plain@h.example"]},
        "note": "-----BEGIN PRIVATE KEY-----\nplain",
        "jwt": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwbGFpbiJ9.",
        "retries": 3,
        "use_token": True,
        "empty_password": "",
        "none_password": None,
        "token_url": "https://login.example/token",
    }

    shown = create(caller, {**CREATE, "auth_type": "api_token", "config": config}).json()["integration"]["config"]

    assert "plain" not in str(shown)
    assert shown == {
        "api_token": "********",
        "clientSecret": "********",
        "nested": {"private_key": "********", "shown": 1, "hooks": ["https://ok.example", "********"]},
        "note": "********",
        "jwt": "********",
        "retries": 3,
        "use_token": True,
        "empty_password": "",
        "none_password": None,
        "token_url": "https://login.example/token",
    }


def test_what_is_shown_can_be_sent_back_unchanged(stack: GatewayStack, caller: Caller) -> None:
    config = {
        "token": "t0ken",
        "odd.key": "https://u:p@h.example",
        "list": [{"password": "p1"}, {"password": "p2"}],
        "~tilde": {"secret": ["a", 1]},
    }
    created = create(caller, {**CREATE, "auth_type": "api_token", "config": config}).json()["integration"]
    before = stack.credentials(caller, created["id"])

    fields = ("service_name", "auth_type", "config", "is_active")
    answer = caller.http.put(f"/integrations/update/{created['id']}", json={name: created[name] for name in fields})

    after = stack.credentials(caller, created["id"])
    assert answer.status_code == 200
    assert stable(answer.json()["integration"]) == stable(created)
    assert after.secrets == before.secrets
    assert set(after.secrets.values()) == {"t0ken", "https://u:p@h.example", "p1", "p2", '["a",1]'}


@pytest.mark.parametrize(
    "change",
    [
        {"service_name": None},
        {"service_name": ""},
        {"service_name": 5},
        {"auth_type": "digest"},
        {"config": "x"},
        {"config": None},
        {"is_active": "yes"},
        {"is_active": None},
    ],
)
def test_wrong_fields_are_refused_in_shape(resident: Caller, change: dict[str, Any]) -> None:
    for body in ({**CREATE, **change}, {k: v for k, v in CREATE.items() if k not in change}):
        answer = create(resident, body)

        assert answer.status_code == 400
        assert set(answer.json()) == {"success", "message"}
        assert next(iter(change)) in answer.json()["message"]


@pytest.mark.parametrize(
    ("permission", "method", "path"),
    [
        ("integration.view", "GET", "/integrations/all"),
        ("integration.view", "GET", f"/integrations/id/{NOBODYS}"),
        ("integration.create", "POST", "/integrations/create"),
        ("integration.edit", "PUT", f"/integrations/update/{NOBODYS}"),
        ("integration.delete", "DELETE", f"/integrations/delete/{NOBODYS}"),
    ],
)
def test_each_call_needs_its_permission(
    stack: GatewayStack, resident: Caller, permission: str, method: str, path: str
) -> None:
    every = {f"integration.{one}" for one in ("view", "create", "edit", "delete", "sync")}
    without, only = stack.key(resident, *every - {permission}), stack.key(resident, permission.title())
    body = CREATE if method in {"POST", "PUT"} else None

    refused = without.http.request(method, path, json=body)
    allowed = only.http.request(method, path, json=body)

    assert refused.status_code == 403
    assert refused.json() == {"success": False, "message": f"Permission {permission} is required"}
    assert allowed.status_code in {200, 404}


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer YOUR_TOKEN"}])
def test_without_a_valid_key_nothing_is_answered(stack: GatewayStack, headers: dict[str, str]) -> None:
    answer = stack.http.get(f"{stack.gateway_url}/integrations/all", headers=headers)

    assert answer.status_code == 401
    assert set(answer.json()) == {"success", "message"}
    assert answer.json()["success"] is False


def test_an_inactive_integration_is_shown_so_and_can_be_enabled(caller: Caller) -> None:
    created = create(caller, {**CREATE, "is_active": False}).json()["integration"]

    enabled = caller.http.put(f"/integrations/update/{created['id']}", json=UPDATE).json()["integration"]

    assert (created["is_active"], enabled["is_active"]) == (False, True)


def test_a_long_list_says_where_it_goes_on(caller: Caller) -> None:
    ids = [create(caller).json()["integration"]["id"] for _ in range(3)]

    first = caller.http.get("/integrations/all", params={"limit": 2})
    second = caller.http.get(first.links["next"]["url"])

    pages = [[one["id"] for one in answer.json()["integrations"]] for answer in (first, second)]
    assert pages == [ids[:2], ids[2:]]
    assert first.headers["x-total-count"] == "3"
    assert "link" not in second.headers
