"""What happens when the app behind the edge fails unexpectedly."""

from collections.abc import Iterator

import httpx2
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, StreamingResponse
from tieline.key_resolver import KeyResolver
from tieline.registry_client import RegistryClient
from tieline.settings import InternalSettings
from tieline_gateway.domain.rates import RateLimiter
from tieline_gateway.entrypoints.edge import Edge
from tieline_gateway.entrypoints.failures import answer_failures


def an_edge(app: FastAPI) -> Edge:
    """Return `app` behind an edge; the paths used here need no key."""
    registry = RegistryClient(InternalSettings(registry_url="http://127.0.0.1:9"))
    return Edge(
        app,
        keys=KeyResolver(registry),
        registry=registry,
        rates=RateLimiter(per_second=1, burst=1),
        max_body_bytes=1000,
        trust_org_header=False,
        monotonic=lambda: 0.0,
    )


@pytest.fixture
def client() -> httpx2.AsyncClient:
    """A client of an app whose webhooks fail in different ways."""
    app = FastAPI()

    @app.get("/api/webhooks/breaks")
    async def breaks() -> None:
        raise RuntimeError("hidden reason")

    @app.get("/api/webhooks/breaks-late")
    async def breaks_late() -> StreamingResponse:
        def chunks() -> Iterator[bytes]:
            yield b"begun"
            raise RuntimeError("hidden reason")

        return StreamingResponse(chunks())

    @app.get("/healthz")
    async def fine() -> PlainTextResponse:
        return PlainTextResponse("fine")

    answer_failures(app)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=an_edge(app)), base_url="http://gateway")


async def test_an_unexpected_error_is_500_in_shape_and_tells_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/webhooks/breaks")

    assert answer.status_code == 500
    assert answer.json() == {"error": "Internal server error", "code": "INTERNAL_ERROR", "status": 500}


async def test_a_stream_that_breaks_is_left_to_the_server_to_end(client: httpx2.AsyncClient) -> None:
    with pytest.raises(RuntimeError):
        await client.get("/api/webhooks/breaks-late")


async def test_without_the_registry_nobody_is_let_in_but_operators(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/integrations/all", headers={"x-api-key": "tl_x"})

    assert answer.status_code == 503
    assert answer.json() == {"success": False, "message": "Database connection failed"}
    assert (await client.get("/healthz")).text == "fine"
