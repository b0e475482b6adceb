"""Writes as commands: repeated, late, through several gateways at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from tieline.ids import new_id
from tieline_gateway.settings import GatewayOptions

from tests.support.gateway_stack import Caller, GatewayStack

SAVE = "/api/v2/integrations/save"
SENTRY = {"name": "Sentry", "integration_type": "sentry"}
ADMIN = {"service_name": "Jira", "auth_type": "api_token", "config": {"token": "t"}, "is_active": True}
BULK = [{"name": "mail", "type": "sendgrid", "configuration": {"api_key": "k"}}]
ROUTE = {"eventType": "sentry.*", "channel": "slack", "channelId": "C0"}

WRITES: dict[str, tuple[Callable[[Caller], str], Any, Any]] = {
    "A": (lambda _: SAVE, SENTRY, {**SENTRY, "name": "Other"}),
    "B": (lambda _: "/api/integrations", BULK, [{**BULK[0], "enabled": False}]),
    "C": (lambda _: "/api/channel-routes", ROUTE, {**ROUTE, "channelId": "C1"}),
    "D": (lambda _: "/integrations/create", ADMIN, {**ADMIN, "config": {"token": "other"}}),
    "E": (
        lambda who: who.v1("integrations"),
        {"name": "acme", "display_name": "Acme"},
        {"name": "acme", "display_name": "Other"},
    ),
    "keys": (lambda who: who.v1("api-keys"), {"name": "ci"}, {"name": "other"}),
}
CONFLICT: dict[str, set[str]] = {
    "A": {"success", "data", "error"},
    "B": {"status", "error", "message"},
    "C": {"error", "code", "status"},
    "D": {"success", "message"},
    "E": {"detail"},
    "keys": {"detail"},
}


def write(caller: Caller, path: str, body: Any, key: str, *, url: str | None = None) -> httpx2.Response:
    """Write under an idempotency key."""
    return caller.http.post((url or "") + path, json=body, headers=caller.org(**{"idempotency-key": key}))


@pytest.mark.parametrize("surface", WRITES)
def test_repeated_under_its_key_a_write_is_made_once(stack: GatewayStack, surface: str) -> None:
    caller = stack.workspace()
    where, body, other = WRITES[surface]

    first, again, different = (write(caller, where(caller), one, "key-1") for one in (body, body, other))

    assert first.is_success
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert different.status_code == 409
    assert set(different.json()) == CONFLICT[surface]
    assert caller.http.get(caller.v1("integrations")).json()["total"] <= 1
    assert len(caller.http.get("/api/channel-routes", headers=caller.org()).json()["routes"]) <= 1


def _integration(who: Caller) -> str:
    created = who.http.post(who.v1("integrations"), json={"name": f"n-{new_id()}", "display_name": "N"})
    return who.v1(f"integrations/{created.json()['id']}")


def _route(who: Caller) -> str:
    created = who.http.post("/api/channel-routes", headers=who.org(), json=ROUTE)
    return f"/api/channel-routes/{created.json()['id']}"


def _admin(what: str) -> Callable[[Caller], str]:
    return lambda who: (
        f"/integrations/{what}/{who.http.post('/integrations/create', json=ADMIN).json()['integration']['id']}"
    )


def _key(who: Caller) -> str:
    return who.v1(f"api-keys/{who.http.post(who.v1('api-keys'), json={'name': 'k'}).json()['id']}")


# Method, where, the body, and another one; where there is no body, another thing is the other request.
CHANGES: dict[str, tuple[str, Callable[[Caller], str], Any, Any]] = {
    "B with a slash": ("POST", lambda _: "/api/integrations/", BULK, [{**BULK[0], "enabled": False}]),
    "C configure": (
        "POST",
        lambda _: "/api/integrations/configure",
        {"integration": "slack", "config": {"botToken": "t"}},
        {"integration": "slack", "config": {"botToken": "other"}},
    ),
    "C change": ("PATCH", _route, {"enabled": False}, {"enabled": True}),
    "C delete": ("DELETE", _route, None, None),
    "D update": ("PUT", _admin("update"), {**ADMIN, "service_name": "Jira 2"}, ADMIN),
    "D delete": ("DELETE", _admin("delete"), None, None),
    "E change": ("PATCH", _integration, {"display_name": "M"}, {"display_name": "O"}),
    "E delete": ("DELETE", _integration, None, None),
    "keys revoke": ("DELETE", _key, None, None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_repeated_under_its_key_a_change_is_made_once(resident: Caller, change: str) -> None:
    method, where, body, other = CHANGES[change]
    path = where(resident)
    headers = resident.org(**{"idempotency-key": change})

    first, again = (resident.http.request(method, path, json=body, headers=headers) for _ in range(2))
    different = resident.http.request(method, path if other else where(resident), json=other, headers=headers)

    assert first.is_success
    assert (again.status_code, again.content, again.headers.get("etag")) == (
        first.status_code,
        first.content,
        first.headers.get("etag"),
    )
    assert different.status_code == 409
    assert set(different.json()) == CONFLICT[change.split(maxsplit=1)[0]]


def test_a_deletion_can_be_repeated_under_its_key(caller: Caller) -> None:
    created = caller.http.post("/integrations/create", json=ADMIN).json()["integration"]
    path, headers = f"/integrations/delete/{created['id']}", {"idempotency-key": "gone"}

    answers = [caller.http.delete(path, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert caller.http.delete(path).status_code == 404


def test_an_update_can_be_repeated_after_its_integration_is_gone(caller: Caller) -> None:
    created = caller.http.post("/integrations/create", json=ADMIN).json()["integration"]
    path, headers = f"/integrations/update/{created['id']}", {"idempotency-key": "change"}
    first = caller.http.put(path, json=ADMIN, headers=headers)
    caller.http.delete(f"/integrations/delete/{created['id']}").raise_for_status()

    again = caller.http.put(path, json=ADMIN, headers=headers)

    assert (again.status_code, again.json()) == (200, first.json())


def test_the_same_key_in_another_workspace_is_another_write(stack: GatewayStack, caller: Caller) -> None:
    other = stack.workspace()

    ids = [write(who, SAVE, SENTRY, "key-1").json()["data"]["integration_id"] for who in (caller, other)]

    assert ids[0] != ids[1]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_idempotency_key_has_a_bounded_length(caller: Caller, key: str) -> None:
    assert write(caller, SAVE, SENTRY, key).status_code == 422


def test_many_at_once_under_one_key_make_one_integration(caller: Caller) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: write(caller, SAVE, SENTRY, "same"), range(12)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert caller.http.get(caller.v1("integrations")).json()["total"] == 1


@pytest.mark.parametrize("surface", WRITES)
def test_a_late_reply_is_504_in_shape_and_the_key_tells_the_outcome(stack: GatewayStack, surface: str) -> None:
    caller = stack.workspace()
    where, body, _ = WRITES[surface]
    hasty = GatewayOptions(reply_timeout=timedelta(microseconds=1))
    with stack.another_gateway(gateway=hasty) as address:
        late = write(caller, where(caller), body, "late", url=address)

    outcome = write(caller, where(caller), body, "late")

    assert late.status_code == 504
    assert CONFLICT[surface] <= set(late.json())
    assert late.headers["x-command-id"] in late.text
    assert outcome.is_success


def test_every_gateway_gets_its_own_replies(stack: GatewayStack, caller: Caller) -> None:
    each = 15
    with (
        stack.another_gateway(gateway=GatewayOptions(instance="one")) as one,
        stack.another_gateway(gateway=GatewayOptions(instance="two")) as two,
        ThreadPoolExecutor(10) as threads,
    ):
        urls = [one, two] * each
        answers = list(threads.map(lambda url: write(caller, SAVE, SENTRY, new_id(), url=url), urls))

    assert {answer.status_code for answer in answers} == {200}
    assert caller.http.get(caller.v1("integrations")).json()["total"] == 2 * each


def test_two_gateways_on_one_reply_partition_do_not_mix_up_replies(stack: GatewayStack, caller: Caller) -> None:
    with (
        stack.another_gateway(gateway=GatewayOptions(instance="same")) as one,
        stack.another_gateway(gateway=GatewayOptions(instance="same")) as two,
        ThreadPoolExecutor(8) as threads,
    ):
        names = [f"n-{number}" for number in range(16)]
        answers = list(
            threads.map(
                lambda pair: write(caller, SAVE, {**SENTRY, "name": pair[0]}, new_id(), url=pair[1]),
                zip(names, [one, two] * 8, strict=True),
            )
        )

    assert [answer.json()["data"]["name"] for answer in answers] == names


def test_writers_with_the_same_revision_lose_no_update(caller: Caller) -> None:
    created = caller.http.post(caller.v1("integrations"), json={"name": "acme", "display_name": "Acme"})
    path, gate = caller.v1(f"integrations/{created.json()['id']}"), threading.Barrier(6)

    def change(number: int) -> int:
        gate.wait()
        body, headers = {"display_name": f"by {number}"}, {"if-match": created.headers["etag"]}
        return caller.http.patch(path, json=body, headers=headers).status_code

    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(change, range(6)))

    assert sorted(statuses) == [200, 412, 412, 412, 412, 412]
