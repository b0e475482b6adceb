"""Two hundred calls with an expired token, at two workers: one token request."""

import asyncio
from typing import Any

import httpx2
from starlette.responses import JSONResponse, Response

from tests.integration.providers.endpoints import an_endpoint, create
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack
from tests.support.scripted_server import Received, ScriptedServer


def give_tokens(life: int) -> Any:
    numbers = iter(range(1, 1000))

    def answer(received: Received) -> Response:
        if received.path == "/token":
            return JSONResponse({"access_token": f"t0ken-{next(numbers)}", "expires_in": life})
        return JSONResponse({"used": int(received.headers["authorization"].rpartition("-")[2])})

    return answer


def test_two_hundred_calls_at_two_workers_make_one_token_request(asker: Caller, providers: ProviderStack) -> None:
    server = ScriptedServer(always=give_tokens(life=3600))
    with providers.serve(server) as address, providers.worker() as second:
        auth = {
            "type": "oauth2_client_credentials",
            "token_url": f"{address}/token",
            "client_id": "c1",
            "client_secret_value": {"value": "client-s3cret"},
        }
        integration_id = create(asker, address, an_endpoint(result_key="used"), auth=auth)

        runs = asyncio.run(run_at_once(providers, [providers.worker_urls[0], second], asker, integration_id, 200))

    assert [run["error"] for run in runs] == [None] * 200
    assert {run["final_result"] for run in runs} == {"1"}
    assert [received.path for received in server.received].count("/token") == 1


def test_two_hundred_calls_whose_token_was_revoked_make_one_token_request(
    asker: Caller, providers: ProviderStack
) -> None:
    give = give_tokens(life=3600)
    server = ScriptedServer(always=give)
    with providers.serve(server) as address, providers.worker() as second:
        auth = {
            "type": "json_token_exchange",
            "token_url": f"{address}/token",
            "client_id": "c1",
            "client_secret_value": {"value": "client-s3cret"},
        }
        integration_id = create(asker, address, an_endpoint(result_key="used"), auth=auth)
        workers = [providers.worker_urls[0], second]
        asyncio.run(run_at_once(providers, workers, asker, integration_id, 4))
        server.always = lambda received: (
            Response(status_code=401) if received.headers.get("authorization") == "Bearer t0ken-1" else give(received)
        )

        runs = asyncio.run(run_at_once(providers, workers, asker, integration_id, 200))

    assert {run["final_result"] for run in runs} == {"2"}
    assert [received.path for received in server.received].count("/token") == 2


async def run_at_once(
    providers: ProviderStack, workers: list[str], asker: Caller, integration_id: str, count: int
) -> list[dict[str, Any]]:
    """Run an endpoint `count` times at once, evenly over the workers."""
    token = providers.gateway.internal().token.get_secret_value()
    call = {"workspace_id": asker.workspace_id, "integration_id": integration_id, "endpoint": "read", "params": {}}
    async with httpx2.AsyncClient(
        headers={"authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
        limits=httpx2.Limits(max_connections=count),
    ) as http:
        answers = await asyncio.gather(
            *(http.post(f"{workers[n % len(workers)]}/internal/endpoints/run", json=call) for n in range(count))
        )
    return [answer.json() for answer in answers]
