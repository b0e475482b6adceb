"""Running endpoints through the gateway: what is sent, tried again, shown, and hidden."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.responses import JSONResponse, PlainTextResponse, Response
from tieline.provider_client import RUN_ENDPOINT_PATH, EndpointCall
from tieline.settings import OutgoingSettings

from tests.integration.providers.endpoints import an_endpoint, change, create, run, test_endpoint
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack
from tests.support.scripted_server import Received, ScriptedServer

NOW = {"retry-after": "0"}


@pytest.fixture(scope="module")
def shop_of_module(providers_of_session: ProviderStack) -> Iterator[tuple[ScriptedServer, str]]:
    server = ScriptedServer()
    with providers_of_session.serve(server) as address:
        yield server, address


@pytest.fixture
def shop(shop_of_module: tuple[ScriptedServer, str]) -> ScriptedServer:
    shop_of_module[0].clear()
    return shop_of_module[0]


@pytest.fixture
def address(shop_of_module: tuple[ScriptedServer, str]) -> str:
    return shop_of_module[1]


@pytest.fixture(scope="module")
def owner(providers_of_session: ProviderStack) -> Iterator[Caller]:
    somebody = providers_of_session.caller()
    with somebody.http:
        yield somebody


@pytest.fixture(scope="module")
def integration_id(owner: Caller, shop_of_module: tuple[ScriptedServer, str]) -> str:
    return create(owner, shop_of_module[1], an_endpoint(), name="module-shop")


def given(owner: Caller, integration_id: str, **endpoint: Any) -> None:
    """Change the integration's one endpoint."""
    change(owner, integration_id, endpoints=[an_endpoint(**endpoint)])


def test_a_run_without_any_settings_shows_the_answer(owner: Caller, integration_id: str, shop: ScriptedServer) -> None:
    given(owner, integration_id)
    shop.answers.append(JSONResponse({"a": [1]}))

    shown = run(owner, integration_id, q="x y")

    duration = shown.pop("duration_ms")
    assert 0 < duration < 5000
    assert shown == {
        "status_code": 200,
        "retries": 0,
        "raw_response": {"a": [1]},
        "after_filter": {"a": [1]},
        "after_mapping": {"a": [1]},
        "final_result": '{"a":[1]}',
        "error": None,
    }
    assert (shop.received[0].method, shop.received[0].path, shop.received[0].query) == ("GET", "/things", "q=x+y")


@pytest.mark.parametrize(
    ("answers", "method", "headers", "status", "retries"),
    [
        ([503, 200], "GET", {}, 200, 1),
        ([503, 429, 200], "GET", {}, 200, 2),
        ([503, 502, 504, 200], "GET", {}, 504, 2),
        ([500, 200], "GET", {}, 500, 0),
        ([404, 200], "GET", {}, 404, 0),
        ([503, 200], "POST", {}, 200, 1),
        ([502, 200], "POST", {}, 502, 0),
        ([502, 200], "POST", {"Idempotency-Key": ""}, 200, 1),
        ([504, 200], "PUT", {}, 200, 1),
    ],
)
def test_calls_are_tried_again_where_that_is_safe(
    owner: Caller,
    integration_id: str,
    shop: ScriptedServer,
    answers: list[int],
    method: str,
    *,
    headers: Any,
    status: int,
    retries: int,
) -> None:
    given(owner, integration_id, method=method, headers=headers)
    shop.answers.extend(JSONResponse({}, code, headers=NOW) for code in answers)

    shown = run(owner, integration_id)

    assert (shown["status_code"], shown["retries"], len(shop.received)) == (status, retries, retries + 1)
    assert shown["error"] == (None if status == 200 else f"HTTP {status}")


def test_retries_carry_the_same_idempotency_key_and_runs_different_ones(
    owner: Caller, integration_id: str, shop: ScriptedServer
) -> None:
    given(owner, integration_id, method="POST", headers={"Idempotency-Key": ""})
    shop.answers.extend([JSONResponse({}, 503, headers=NOW), JSONResponse({})])

    run(owner, integration_id)
    run(owner, integration_id)
    for _ in range(2):
        test_endpoint(owner, integration_id, "read", {}, **{"idempotency-key": "mine"})

    keys = [received.headers["idempotency-key"] for received in shop.received]
    assert (keys[0] == keys[1], keys[1] != keys[2], keys[3] == keys[4]) == (True, True, True)
    assert len(set(keys)) == 3
    assert "mine" not in keys


def test_an_answer_other_than_2xx_is_shown_as_it_came(owner: Caller, integration_id: str, shop: ScriptedServer) -> None:
    given(owner, integration_id, result_key="a")
    shop.answers.append(JSONResponse({"message": "no such thing"}, 404))

    shown = run(owner, integration_id)

    assert (shown["status_code"], shown["error"], shown["raw_response"]) == (
        404,
        "HTTP 404",
        {"message": "no such thing"},
    )
    assert (shown["after_filter"], shown["after_mapping"], shown["final_result"]) == (None, None, None)


@pytest.mark.parametrize(
    ("answer", "shown_as"),
    [
        (lambda: Response(status_code=204), (None, "")),
        (lambda: PlainTextResponse("hello"), ("hello", "hello")),
        (lambda: JSONResponse("text"), ("text", "text")),
        (lambda: JSONResponse(None), (None, "")),
        (lambda: Response(b"\xff\xfe", media_type="image/png"), ("\ufffd\ufffd", "\ufffd\ufffd")),
    ],
)
def test_any_kind_of_answer_is_taken(
    owner: Caller, integration_id: str, shop: ScriptedServer, answer: Any, shown_as: tuple[Any, str]
) -> None:
    given(owner, integration_id)
    shop.answers.append(answer())

    shown = run(owner, integration_id)

    assert (shown["raw_response"], shown["final_result"]) == shown_as
    assert shown["error"] is None


def test_a_stage_that_fails_is_told_with_what_came_before_it(
    owner: Caller, integration_id: str, shop: ScriptedServer
) -> None:
    given(owner, integration_id, response_filter=["a"], response_mapping={"x": "a["})
    shop.answers.append(JSONResponse({"a": 1, "b": 2}))

    shown = run(owner, integration_id)

    assert shown["error"].startswith("response_mapping.x: ")
    assert (shown["after_filter"], shown["after_mapping"], shown["final_result"]) == ({"a": 1}, None, None)


SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "tags": {"items": {"type": "integer"}}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("params", "places"),
    [
        ({}, [["body", "params", "id"]]),
        ({"id": 5}, [["body", "params", "id"]]),
        ({"id": "x", "tags": [1, "y"]}, [["body", "params", "tags", 1]]),
        ({"id": "x", "more": 1}, [["body", "params"]]),
        ({"id": ".."}, [["body", "params", "id"]]),
        ({"id": "a/../b"}, [["body", "params", "id"]]),
    ],
)
def test_parameters_that_do_not_fit_are_422_and_nothing_is_sent(
    owner: Caller, integration_id: str, shop: ScriptedServer, params: dict[str, Any], places: list[Any]
) -> None:
    given(owner, integration_id, path="/things/{id}", input_schema=SCHEMA)

    answer = test_endpoint(owner, integration_id, "read", params)

    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == places
    assert all({"loc", "msg", "type"} <= set(problem) for problem in answer.json()["detail"])
    assert shop.received == []


@pytest.mark.parametrize(
    "settings",
    [
        {"input_schema": {"type": "nonsense"}},
        {"path": "/a/../b"},
        {"headers": {"Host": "internal"}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"X-Evil": "a\r\nX-More: 1"}},
        {"headers": {"X-Evil\r\nX-More": "1"}},
    ],
)
def test_an_endpoint_that_can_not_be_called_says_so_and_nothing_is_sent(
    owner: Caller, integration_id: str, shop: ScriptedServer, settings: dict[str, Any]
) -> None:
    given(owner, integration_id, **settings)

    shown = run(owner, integration_id)

    assert shown["error"]
    assert shown["status_code"] is None
    assert shop.received == []


def test_an_address_inside_is_refused_when_it_is_not_allowed(owner: Caller, providers: ProviderStack) -> None:
    integration_id = create(
        owner, "http://169.254.169.254/latest", an_endpoint(path="/meta-data"), name="cloud-metadata"
    )
    call = EndpointCall(workspace_id=owner.workspace_id, integration_id=integration_id, endpoint="read")
    token = providers.gateway.internal().token.get_secret_value()
    with providers.worker(outgoing=OutgoingSettings(allow_http=True)) as worker:
        shown = httpx2.post(
            f"{worker}{RUN_ENDPOINT_PATH}",
            content=call.to_json(),
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
        ).json()

    assert shown["error"] == "The address may not be called: 169.254.169.254 is not at a public address"


def test_a_redirect_is_not_followed(owner: Caller, integration_id: str, shop: ScriptedServer) -> None:
    given(owner, integration_id)
    shop.answers.append(Response(status_code=302, headers={"location": "http://127.0.0.1:1/secret"}))

    shown = run(owner, integration_id)

    assert (shown["status_code"], shown["error"], len(shop.received)) == (302, "HTTP 302", 1)


def test_what_is_not_there_is_404_in_shape(owner: Caller, integration_id: str, providers: ProviderStack) -> None:
    stranger = providers.caller()
    unknown = "00000000-0000-4000-8000-000000000000"
    with stranger.http:
        answers = [
            test_endpoint(owner, integration_id, "no-such-endpoint", {}),
            test_endpoint(owner, unknown, "read", {}),
            test_endpoint(stranger, integration_id, "read", {}),
            stranger.http.post(owner.v1(f"integrations/{integration_id}/endpoints/read/test"), json={"params": {}}),
        ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert [answer.json()["detail"] for answer in answers[:3]] == [
        "Endpoint not found",
        "Integration not found",
        "Integration not found",
    ]


@pytest.mark.parametrize("body", [{"params": []}, {"params": "x"}, [], "x", None])
def test_what_is_no_request_is_422(owner: Caller, integration_id: str, body: Any) -> None:
    path = owner.v1(f"integrations/{integration_id}/endpoints/read/test")

    assert owner.http.post(path, json=body).status_code == 422


@pytest.mark.parametrize(
    "body", [b'{"params": {"a": "\\ud800"}}', b'{"params": {"a": NaN}}', b'{"params": {"a": 1e999}}', b"{"]
)
def test_what_could_not_be_passed_on_is_422(owner: Caller, integration_id: str, body: bytes) -> None:
    path = owner.v1(f"integrations/{integration_id}/endpoints/read/test")

    answer = owner.http.post(path, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422


def test_half_a_character_in_an_answer_spoils_nothing(owner: Caller, integration_id: str, shop: ScriptedServer) -> None:
    given(owner, integration_id, result_key="a")
    shop.answers.append(Response(b'{"a": "x\\ud800y"}', media_type="application/json"))

    assert run(owner, integration_id)["final_result"] == "x\N{REPLACEMENT CHARACTER}y"


def test_permission_to_look_is_needed(owner: Caller, integration_id: str, providers: ProviderStack) -> None:
    other = providers.gateway.key(owner, "route.view")
    answer = owner.http.post(
        owner.v1(f"integrations/{integration_id}/endpoints/read/test"),
        json={"params": {}},
        headers={"authorization": f"Bearer {other.api_key}"},
    )

    assert answer.status_code == 403


PRIVATE_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
AUTHS: dict[str, dict[str, Any]] = {
    "api_key_header": {"type": "api_key_header", "api_key_value": {"value": "s3cret-key"}},
    "bearer_token": {"type": "bearer_token", "bearer_token_value": {"value": "s3cret-token"}},
    "oauth2_client_credentials": {
        "type": "oauth2_client_credentials",
        "token_url": "{address}/token",
        "client_id": "c1",
        "client_secret_value": {"value": "s3cret-client"},
    },
    "json_token_exchange": {
        "type": "json_token_exchange",
        "token_url": "{address}/token",
        "client_id": "c1",
        "token_response_path": "access_token",
        "client_secret_value": {"value": "s3cret-client"},
    },
    "oauth2_jwt_bearer": {
        "type": "oauth2_jwt_bearer",
        "token_url": "{address}/token",
        "client_id": "c1",
        "private_key_value": {"value": PRIVATE_KEY},
    },
    "bearer_token_exchange": {
        "type": "bearer_token_exchange",
        "exchange_url": "{address}/token",
        "exchange_token_field": "access_token",
        "exchange_secret_value": {"value": "s3cret-master"},
        "exchange_param_headers": [{"header_name": "X-USER-ID", "param_name": "user_id"}],
    },
}


def echoing(received: Received) -> Response:
    """Give tokens, and repeat everything that comes with them."""
    if received.path == "/token":
        return JSONResponse({"access_token": "s3cret-access-1", "expires_in": 3600})
    return JSONResponse({"headers": dict(received.headers), "query": received.query, "body": received.raw.decode()})


@pytest.mark.parametrize("kind", AUTHS)
def test_each_type_of_authentication_proves_us_and_shows_no_secret(
    owner: Caller, shop: ScriptedServer, address: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shop.always = echoing
    auth = json.loads(json.dumps(AUTHS[kind]).replace("{address}", address))
    integration_id = create(owner, address, an_endpoint(method="POST"), name=kind.replace("_", "-"), auth=auth)

    shown = [run(owner, integration_id, user_id="u1", q="x") for _ in range(2)]

    calls = [received for received in shop.received if received.path == "/things"]
    header = "x-api-key" if kind == "api_key_header" else "authorization"
    proof = {"api_key_header": "s3cret-key", "bearer_token": "Bearer s3cret-token"}.get(kind, "Bearer s3cret-access-1")
    assert [call.headers[header] for call in calls] == [proof, proof]
    assert len([received for received in shop.received if received.path == "/token"]) == (
        header == "authorization" and kind != "bearer_token"
    )
    assert ("user_id" in calls[0].body) == (kind != "bearer_token_exchange")
    assert [one["error"] for one in shown] == [None, None]
    assert "[hidden]" in json.dumps(shown)
    assert "s3cret" not in json.dumps(shown)
    assert "s3cret" not in caplog.text


def test_a_token_that_is_refused_is_renewed_once(owner: Caller, shop: ScriptedServer, address: str) -> None:
    tokens = iter(["old-t0ken", "new-t0ken"])
    shop.always = lambda received: (
        JSONResponse({"access_token": next(tokens)})
        if received.path == "/token"
        else JSONResponse({}, 200 if received.headers["authorization"] == "Bearer new-t0ken" else 401)
    )
    auth = json.loads(json.dumps(AUTHS["oauth2_client_credentials"]).replace("{address}", address))
    integration_id = create(owner, address, an_endpoint(), name="renewing", auth=auth)

    shown = run(owner, integration_id)

    assert (shown["status_code"], shown["retries"], shown["error"]) == (200, 0, None)
    assert [received.path for received in shop.received] == ["/token", "/things", "/token", "/things"]


def test_credentials_that_stay_refused_are_tried_twice_and_no_more(
    owner: Caller, shop: ScriptedServer, address: str
) -> None:
    shop.always = lambda received: JSONResponse({"access_token": "t0ken"}, 200 if received.path == "/token" else 401)
    auth = json.loads(json.dumps(AUTHS["oauth2_client_credentials"]).replace("{address}", address))
    integration_id = create(owner, address, an_endpoint(), name="refused", auth=auth)

    shown = run(owner, integration_id)

    assert (shown["status_code"], shown["error"]) == (401, "HTTP 401")
    assert [received.path for received in shop.received].count("/things") == 2


def test_a_token_that_can_not_be_had_is_told(owner: Caller, shop: ScriptedServer, address: str) -> None:
    shop.always = lambda _: JSONResponse({"error": "invalid_client", "error_description": "s3cret-client"}, 401)
    auth = json.loads(json.dumps(AUTHS["oauth2_client_credentials"]).replace("{address}", address))
    integration_id = create(owner, address, an_endpoint(), name="tokenless", auth=auth)

    shown = run(owner, integration_id)

    assert shown["error"] == "The token endpoint refuses the credentials (HTTP 401, invalid_client)"
    assert shown["status_code"] is None


def test_users_have_tokens_of_their_own(owner: Caller, shop: ScriptedServer, address: str) -> None:
    shop.always = lambda received: JSONResponse(
        {"access_token": f"t0ken-of-{received.headers.get('x-user-id')}"} if received.path == "/token" else {}
    )
    auth = json.loads(json.dumps(AUTHS["bearer_token_exchange"]).replace("{address}", address))
    integration_id = create(owner, address, an_endpoint(), name="per-user", auth=auth)

    for user in ("u1", "u2", "u1", "u2"):
        run(owner, integration_id, user_id=user)
    missing = test_endpoint(owner, integration_id, "read", {})

    used = [received.headers["authorization"] for received in shop.received if received.path == "/things"]
    assert used == ["Bearer t0ken-of-u1", "Bearer t0ken-of-u2"] * 2
    assert len([received for received in shop.received if received.path == "/token"]) == 2
    assert (missing.status_code, missing.json()["detail"][0]["loc"]) == (422, ["body", "params", "user_id"])


def test_a_very_long_answer_is_shown_by_its_beginning(owner: Caller, integration_id: str, shop: ScriptedServer) -> None:
    given(owner, integration_id, result_key="rows[0]")
    shop.answers.append(JSONResponse({"rows": ["x" * 1000] * 1000}))

    shown = run(owner, integration_id)

    assert isinstance(shown["raw_response"], str)
    assert len(shown["raw_response"]) < 300_000
    assert shown["final_result"] == "x" * 1000


@pytest.mark.parametrize("depth", [300, 900, 5000])
@pytest.mark.parametrize("settings", [{}, {"result_key": "a"}, {"response_filter": ["a.a"]}])
def test_an_answer_that_is_nested_too_deeply_is_told(
    owner: Caller, integration_id: str, shop: ScriptedServer, settings: dict[str, Any], depth: int
) -> None:
    given(owner, integration_id, **settings)
    shop.answers.append(Response(b'{"a":' * depth + b"1" + b"}" * depth, media_type="application/json"))

    shown = run(owner, integration_id)

    assert shown["status_code"] == 200
    assert depth > 1000 or shown["error"].endswith("is nested too deeply")


def test_an_answer_that_is_too_large_is_told(owner: Caller, integration_id: str, shop: ScriptedServer) -> None:
    given(owner, integration_id)
    shop.answers.append(PlainTextResponse("x" * 5_000_000))

    assert run(owner, integration_id)["error"] == "The response is larger than 4194304 bytes"
