"""Paths that belong to the webhook router, passed on as they come."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.gateway_stack import Caller, GatewayStack

WEBHOOK = "/api/webhooks/sentry"
SIGNATURE = {"sentry-hook-signature": "cafe", "content-type": "application/json"}


async def _echo(request: Request) -> Response:
    body = await request.body()
    seen = {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "headers": dict(request.headers),
        "body": hashlib.sha256(body).hexdigest(),
        "size": len(body),
    }
    return JSONResponse(seen, status_code=202, headers={"x-answered-by": "router", "connection": "close"})


async def _slowly(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d\n" % number

    return StreamingResponse(chunks(), media_type="application/x-ndjson")


@contextmanager
def routed(stack: GatewayStack) -> Iterator[str]:
    """Run a gateway with a stand-in for the webhook router behind it; the value is the gateway's address."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(
        routes=[
            Route("/v1/{workspace}/events", _slowly, methods=["GET"]),
            Route("/{rest:path}", _echo, methods=methods),
        ]
    )
    with (
        stack.serve(app, wait=False) as router,
        stack.another_gateway(internal=stack.internal(webhook_router_url=router)) as address,
    ):
        yield address


@pytest.fixture(scope="module")
def gateway(stack: GatewayStack) -> Iterator[str]:
    """A gateway in front of the stand-in."""
    with routed(stack) as address:
        yield address


def test_a_webhook_arrives_byte_for_byte_without_a_key(stack: GatewayStack, gateway: str) -> None:
    body = b'{ "a" : "\\u00e9\xc3\xa9" ,"b":[1 ]}\n'

    answer = stack.http.post(f"{gateway}{WEBHOOK}?x=1&x=%202", headers=SIGNATURE, content=body)

    seen = answer.json()
    assert (answer.status_code, answer.headers["x-answered-by"]) == (202, "router")
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", WEBHOOK, "x=1&x=%202")
    assert seen["body"] == hashlib.sha256(body).hexdigest()
    assert SIGNATURE.items() <= seen["headers"].items()


def test_a_large_body_in_chunks_arrives_whole(stack: GatewayStack, gateway: str) -> None:
    chunks = [bytes([number]) * 10_000 for number in range(80)]

    answer = stack.http.post(f"{gateway}/api/events", content=iter(chunks))

    assert answer.json()["size"] == 800_000
    assert answer.json()["body"] == hashlib.sha256(b"".join(chunks)).hexdigest()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_past_the_limit_is_413(stack: GatewayStack, gateway: str, chunked: bool) -> None:
    content: Any = iter([b"x" * 600_000] * 2) if chunked else b"x" * 1_200_000

    answer = stack.http.post(f"{gateway}{WEBHOOK}", content=content)

    assert answer.status_code == 413
    assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"


def test_headers_of_the_connection_stay_behind(stack: GatewayStack, gateway: str) -> None:
    headers = {"te": "trailers", "proxy-authorization": "Basic x", "x-kept": "yes"}

    seen = stack.http.post(f"{gateway}{WEBHOOK}", headers=headers, content=b"{}").json()["headers"]

    assert seen["x-kept"] == "yes"
    assert not {"te", "proxy-authorization"} & seen.keys()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "deliveries"),
        ("POST", "deliveries/replay"),
        ("GET", "deliveries/some-id"),
        ("GET", "ledger"),
        ("GET", "quarantine"),
        ("DELETE", "quarantine/some-id"),
    ],
)
def test_what_was_delivered_is_the_routers_to_tell(gateway: str, resident: Caller, method: str, path: str) -> None:
    answer = resident.http.request(method, f"{gateway}{resident.v1(path)}?limit=3")

    assert answer.status_code == 202
    assert (answer.json()["path"], answer.json()["query"]) == (resident.v1(path), "limit=3")
    assert answer.json()["headers"]["authorization"] == f"Bearer {resident.api_key}"


def test_an_answer_is_streamed(gateway: str, resident: Caller) -> None:
    with resident.http.stream("GET", f"{gateway}{resident.v1('events')}") as answer:
        assert b"".join(answer.iter_raw()) == b"0\n1\n2\n"
        assert "content-length" not in answer.headers


@pytest.mark.parametrize("path", ["/api/channel-routes/explain", "/api/channel-routes/what-if"])
def test_routes_are_explained_by_the_router(gateway: str, resident: Caller, path: str) -> None:
    answer = resident.http.post(gateway + path, headers=resident.org(), json={"eventType": "sentry.issue.created"})

    assert (answer.status_code, answer.json()["path"]) == (202, path)


def test_passed_on_only_for_those_who_may(stack: GatewayStack, gateway: str, resident: Caller) -> None:
    viewer, other = stack.key(resident, "event.view"), stack.workspace()

    statuses = [
        viewer.http.get(gateway + resident.v1("deliveries")).status_code,
        viewer.http.post(gateway + resident.v1("deliveries/replay"), json={}).status_code,
        other.http.get(gateway + resident.v1("deliveries")).status_code,
        stack.http.get(gateway + resident.v1("deliveries")).status_code,
        viewer.http.post(f"{gateway}/api/channel-routes/explain", headers=resident.org(), json={}).status_code,
    ]

    assert statuses == [202, 403, 404, 401, 403]


def test_503_in_shape_while_the_router_is_away(stack: GatewayStack, resident: Caller) -> None:
    with stack.another_gateway(internal=stack.internal(webhook_router_url="http://127.0.0.1:9")) as address:
        webhook = stack.http.post(f"{address}{WEBHOOK}", content=b"{}")
        deliveries = resident.http.get(address + resident.v1("deliveries"))

    assert (webhook.status_code, deliveries.status_code) == (503, 503)
    assert webhook.json() == {
        "error": "The webhook router is not available",
        "code": "UNAVAILABLE",
        "status": 503,
    }
    assert set(deliveries.json()) == {"detail"}
    assert webhook.headers["retry-after"] == "5"
