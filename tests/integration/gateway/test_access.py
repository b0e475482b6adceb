"""Who may call: keys issued, expired and revoked; rates and sizes; walls between workspaces; the audit log."""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tieline.access import PERMISSIONS
from tieline.settings import HttpSettings
from tieline_gateway.bootstrap import build_api
from tieline_gateway.settings import LimitSettings

from tests.support.gateway_stack import Caller, GatewayStack
from tests.support.provider_stack import ProviderStack

ADMIN = {"service_name": "Jira", "auth_type": "api_token", "config": {"token": "victims-token"}, "is_active": True}
ROUTE = {"eventType": "sentry.*", "channel": "slack", "channelId": "C0VICTIM"}

# One path of each surface that any valid key may ask, and the names in its error bodies.
SURFACES: dict[str, tuple[str, str, set[str]]] = {
    "A": ("POST", "/api/v2/integrations/save", {"detail"}),
    "B": ("POST", "/api/integrations", {"status", "error", "message"}),
    "C": ("POST", "/api/integrations/configure", {"error", "code", "status"}),
    "D": ("POST", "/integrations/create", {"success", "message"}),
    "E": ("POST", "/v1/{workspace_id}/integrations", {"detail"}),
}


def test_an_issued_key_works_and_is_shown_once(caller: Caller) -> None:
    body = {"name": "ci", "permissions": ["Integration.View"], "expires_at": "2099-01-01T00:00:00Z"}

    issued = caller.http.post(caller.v1("api-keys"), json=body)

    key = issued.json()
    holder = {"x-api-key": key["api_key"], "authorization": ""}
    listed = caller.http.get(caller.v1("api-keys"))
    assert issued.status_code == 201
    assert (key["name"], key["permissions"], key["expires_at"]) == ("ci", ["integration.view"], "2099-01-01T00:00:00Z")
    assert key["hint"] == key["api_key"][-4:]
    assert caller.http.get("/integrations/all", headers=holder).status_code == 200
    assert caller.http.post("/integrations/create", headers=holder, json=ADMIN).status_code == 403
    assert key["api_key"] not in listed.text
    assert {name: value for name, value in key.items() if name != "api_key"} in [
        {**one, "last_used_at": None} for one in listed.json()["items"]
    ]


@pytest.mark.parametrize("header", ["x-api-key", "x-authorization", "authorization"])
@pytest.mark.parametrize("scheme", ["", "Bearer ", "bearer "])
def test_a_key_is_taken_in_every_documented_header(resident: Caller, header: str, scheme: str) -> None:
    headers = {"authorization": "", header: scheme + resident.api_key}

    assert resident.http.get("/integrations/all", headers=headers).status_code == 200


def test_a_revoked_key_stops_working_within_five_seconds_everywhere(stack: GatewayStack, caller: Caller) -> None:
    key = caller.http.post(caller.v1("api-keys"), json={"name": "ci"}).json()
    headers = {"authorization": f"Bearer {key['api_key']}"}
    with stack.another_gateway() as other:
        urls = [stack.gateway_url, other]
        before = [stack.http.get(f"{url}/integrations/all", headers=headers) for url in urls]

        revoked_at = time.monotonic()
        revoked = caller.http.delete(caller.v1(f"api-keys/{key['id']}"))
        took = [_refused_after(stack, url, headers, revoked_at) for url in urls]

    assert [answer.status_code for answer in before] == [200, 200]
    assert revoked.status_code == 204
    assert max(took) < 5.0
    [listed] = [one for one in caller.http.get(caller.v1("api-keys")).json()["items"] if one["id"] == key["id"]]
    assert listed["revoked_at"] is not None


def _refused_after(stack: GatewayStack, url: str, headers: dict[str, str], since: float) -> float:
    while stack.http.get(f"{url}/integrations/all", headers=headers).status_code != 401:
        assert time.monotonic() - since < 10
        time.sleep(0.05)
    return time.monotonic() - since


def test_an_expired_key_proves_nobody(stack: GatewayStack, caller: Caller) -> None:
    expired = stack.key(caller, "integration.view", expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert expired.http.get("/integrations/all").status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": ""}, 422),
        ({"name": "k", "permissions": []}, 422),
        ({"name": "k", "permissions": ["root"]}, 422),
        ({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}, 422),
        ({"name": "k", "expires_at": "2099-01-01T00:00:00"}, 422),
        ({"name": "k", "permissions": ["integration.delete"]}, 403),
    ],
)
def test_a_key_is_refused(stack: GatewayStack, resident: Caller, body: Any, status: int) -> None:
    manager = stack.key(resident, *PERMISSIONS - {"integration.delete"})

    assert manager.http.post(resident.v1("api-keys"), json=body).status_code == status


def test_keys_are_managed_by_those_who_may(stack: GatewayStack, resident: Caller) -> None:
    others = stack.key(resident, *PERMISSIONS - {"apikey.manage"})

    for method, path in (("GET", "api-keys"), ("POST", "api-keys"), ("DELETE", "api-keys/x"), ("GET", "audit")):
        body = {"name": "k"} if method == "POST" else None
        assert others.http.request(method, resident.v1(path), json=body).status_code == 403
    assert resident.http.delete(resident.v1("api-keys/nobodys")).status_code == 404


@pytest.fixture(scope="module")
def narrow(stack: GatewayStack) -> Iterator[str]:
    """A gateway that allows little."""
    limits, http = LimitSettings(requests_per_second=0.5, burst=1), HttpSettings(max_body_bytes=2048)
    with stack.another_gateway(limits=limits, http=http) as address:
        yield address


@pytest.mark.parametrize("surface", SURFACES)
def test_429_in_shape_with_retry_after(stack: GatewayStack, narrow: str, resident: Caller, surface: str) -> None:
    method, path, names = SURFACES[surface]
    hasty = stack.key(resident, "integration.view")
    url = narrow + path.format(workspace_id=resident.workspace_id)

    answers = [hasty.http.request(method, url, headers=resident.org(), json={}) for _ in range(2)]

    assert answers[0].status_code == 403
    assert answers[1].status_code == 429
    assert set(answers[1].json()) == names
    assert 1 <= int(answers[1].headers["retry-after"]) <= 3


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("chunked", [False, True])
def test_413_in_shape(stack: GatewayStack, narrow: str, resident: Caller, surface: str, chunked: bool) -> None:
    method, path, names = SURFACES[surface]
    sender = stack.key(resident, *PERMISSIONS)
    body = b'{"a":"' + b"x" * 4096 + b'"}'
    content: Any = iter([body[:2000], body[2000:]]) if chunked else body

    answer = sender.http.request(
        method,
        narrow + path.format(workspace_id=resident.workspace_id),
        headers=resident.org(**{"content-type": "application/json"}),
        content=content,
    )

    assert answer.status_code == 413
    assert set(answer.json()) == names


class Victim:
    """A workspace with one of everything."""

    def __init__(self, stack: GatewayStack) -> None:
        self.caller = stack.workspace()
        http, org = self.caller.http, self.caller.org()
        self.integration = http.post("/integrations/create", json=ADMIN).json()["integration"]["id"]
        self.route = http.post("/api/channel-routes", headers=org, json=ROUTE).json()["id"]
        self.key = http.post(self.caller.v1("api-keys"), json={"name": "victims key"}).json()["id"]

    def everything(self) -> list[Any]:
        """Return all there is to see."""
        http = self.caller.http
        return [
            http.get("/integrations/all").json(),
            http.get(self.caller.v1("integrations")).json(),
            http.get("/api/channel-routes", headers=self.caller.org()).json(),
            [{**one, "last_used_at": None} for one in http.get(self.caller.v1("api-keys")).json()["items"]],
        ]


OPERATIONS = [
    (method.upper(), path) for path, operations in build_api().openapi()["paths"].items() for method in operations
]
BODIES: dict[str, Any] = {
    "/integrations/create": ADMIN,
    "/integrations/update/{integration_id}": ADMIN,
    "/api/channel-routes": {**ROUTE, "channelId": "C0INTRUDER"},
    "/api/channel-routes/{route_id}": {"enabled": False},
    "/api/integrations/configure": {"integration": "slack", "config": {"botToken": "t"}},
    "/api/v2/integrations/save": {"name": "n", "integration_type": "slack"},
    "/api/integrations": [],
    "/v1/{workspace_id}/integrations": {"name": "intruder", "display_name": "I"},
    "/v1/{workspace_id}/integrations/{integration_id}": {"display_name": "I"},
    "/v1/{workspace_id}/integrations/{integration_id}/endpoints/{endpoint_name}/test": {"params": {}},
    "/v1/{workspace_id}/integrations/{integration_id}/schedule": {"every": 3600},
    "/v1/{workspace_id}/api-keys": {"name": "intruders"},
}


@pytest.mark.parametrize("organization", ["own", "victims"])
def test_nothing_of_another_workspace_is_within_reach(
    stack: GatewayStack, providers_of_session: ProviderStack, organization: str
) -> None:
    victim, intruder = Victim(stack), providers_of_session.caller()
    before = victim.everything()
    who = intruder if organization == "own" else victim.caller
    theirs = {"integration_id": victim.integration, "route_id": victim.route, "key_id": victim.key}
    nobodys = dict.fromkeys(theirs, "00000000-0000-4000-8000-000000000000")

    def attempt(method: str, path: str, ids: dict[str, str]) -> httpx2.Response:
        return intruder.http.request(
            method,
            path.format_map(defaultdict(lambda: "1", workspace_id=who.workspace_id, **ids)),
            headers={"x-org-id": who.slug},
            json=BODIES.get(path) if method in {"POST", "PUT", "PATCH"} else None,
        )

    for method, path in OPERATIONS:
        answer = attempt(method, path, theirs)

        assert not any(mark in answer.text for mark in ("VICTIM", "victims")), f"{method} {path}: {answer.text}"
        if any(f"{{{name}}}" in path for name in theirs):
            unknown = attempt(method, path, nobodys)
            # A stream tells in an event what others tell by status.
            refused = answer.status_code in {403, 404} or "Integration not found" in answer.text
            assert refused, f"{method} {path}: {answer.status_code} {answer.text}"
            assert (answer.status_code, answer.text) == (unknown.status_code, unknown.text), f"{method} {path}"
        if organization == "victims" and path.startswith(("/v1/", "/api/channel", "/api/integrations/")):
            assert answer.status_code in {403, 404}, f"{method} {path}"
    assert victim.everything() == before


def test_the_audit_log_tells_who_changed_what_without_secrets(caller: Caller) -> None:
    created = caller.http.post("/integrations/create", json=ADMIN).json()["integration"]
    caller.http.put(
        f"/integrations/update/{created['id']}", json={**ADMIN, "config": {"token": "second-token"}}
    ).raise_for_status()
    caller.http.delete(f"/integrations/delete/{created['id']}").raise_for_status()

    answer = caller.http.get(caller.v1("audit"))

    mine = [entry for entry in answer.json()["items"] if entry["by"] == caller.user_id]
    assert [(entry["action"], [change["action"] for change in entry["changes"]]) for entry in mine] == [
        ("integration.delete", ["deleted"]),
        ("integration.save", ["updated"]),
        ("integration.save", ["created"]),
    ]
    assert "auth.access_token" in mine[1]["changes"][0]["fields"]
    assert "victims-token" not in answer.text
    assert "second-token" not in answer.text


def test_the_audit_log_goes_on_where_its_token_says(caller: Caller) -> None:
    for name in ("one", "two", "three"):
        caller.http.post(caller.v1("integrations"), json={"name": name, "display_name": name}).raise_for_status()

    names: list[str] = []
    token: int | None = None
    while True:
        query = {"limit": 1} if token is None else {"limit": 1, "continuation_token": token}
        page = caller.http.get(caller.v1("audit"), params=query).json()
        names += [change["name"] for entry in page["items"] for change in entry["changes"][:1]]
        if (token := page["continuation_token"]) is None:
            break

    assert names[:3] == ["three", "two", "one"]
