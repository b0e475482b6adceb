"""Two hundred calls with an expired, and with a revoked token, at two workers: one token request."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, Response
from tieline.settings import OutgoingSettings

from tests.integration.providers.endpoints import an_endpoint, create
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack
from tests.support.scripted_server import Received, ScriptedServer
from tests.support.stacks import until

# Two hundred calls take turns at one host's connections, all in this process.
PATIENT = OutgoingSettings(timeout=timedelta(seconds=40), dangerous_allow_private_addresses=True)


class TokenShop(ScriptedServer):
    """Gives numbered tokens of some seconds' life, and answers calls with the number of the token that they bring."""

    def __init__(self) -> None:
        super().__init__(always=self.answer)
        self.given = 0
        self.life = 3600
        self.revoked = 0

    def answer(self, received: Received) -> Response:
        """Give a token, or say which was used; one that was revoked is refused."""
        if received.path == "/token":
            self.given += 1
            return JSONResponse({"access_token": f"t0ken-{self.given}", "expires_in": self.life})
        number = int(received.headers["authorization"].rpartition("-")[2])
        return JSONResponse({"used": number}, 401 if number <= self.revoked else 200)


@pytest.fixture(scope="module")
def workers(providers_of_session: ProviderStack) -> Iterator[list[str]]:
    with providers_of_session.worker(outgoing=PATIENT) as one, providers_of_session.worker(outgoing=PATIENT) as other:
        yield [one, other]


def auth(address: str, kind: str) -> dict[str, Any]:
    secret = {"client_secret_value": {"value": "client-s3cret"}}
    return {"type": kind, "token_url": f"{address}/token", "client_id": "c1", **secret}


def test_two_hundred_calls_with_an_expired_token_make_one_token_request(
    asker: Caller, providers: ProviderStack, workers: list[str]
) -> None:
    shop = TokenShop()
    shop.life = 1
    with providers.serve(shop) as address:
        kind = auth(address, "oauth2_client_credentials")
        integration_id = create(asker, address, an_endpoint(), auth=kind)
        before = asyncio.run(run_at_once(providers, workers, asker, integration_id, 2))
        expired = time.monotonic() + shop.life
        shop.life = 3600
        until(lambda: time.monotonic() > expired)

        runs = asyncio.run(run_at_once(providers, workers, asker, integration_id, 200))

    assert [run["error"] for run in before + runs] == [None] * 202
    assert used(before) == {1}
    assert used(runs) == {2}
    assert shop.given == 2


def test_two_hundred_calls_whose_token_was_revoked_make_one_token_request(
    asker: Caller, providers: ProviderStack, workers: list[str]
) -> None:
    shop = TokenShop()
    with providers.serve(shop) as address:
        integration_id = create(asker, address, an_endpoint(), auth=auth(address, "json_token_exchange"))
        before = asyncio.run(run_at_once(providers, workers, asker, integration_id, 4))
        shop.revoked = 1

        runs = asyncio.run(run_at_once(providers, workers, asker, integration_id, 200))

    assert [run["error"] for run in before + runs] == [None] * 204
    assert used(before) == {1}
    assert used(runs) == {2}
    assert shop.given == 2


def used(runs: list[dict[str, Any]]) -> set[int]:
    return {json.loads(run["final_result"])["used"] for run in runs}


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
