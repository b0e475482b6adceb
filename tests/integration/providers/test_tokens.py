"""Tokens are got once for all callers of all replicas, kept fresh, and readable by nobody else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse, PlainTextResponse, Response
from tieline_sync.adapters.tokens.mongo_tokens import TOKENS, MongoTokenStore
from tieline_sync.adapters.tokens.vault import Vault
from tieline_sync.domain.providers.authorization_code import AuthorizationCode, OAuthApp
from tieline_sync.domain.providers.errors import CredentialsRefusedError, RateLimitedError, UpstreamError
from tieline_sync.domain.providers.tokens import Token
from tieline_sync.handlers.provider_ports import TokenSlot
from tieline_sync.handlers.tokens import LEASE, REFUSED_FOR, Tokens

from tests.integration.providers.token_bench import TokenBench, an_integration, numbered_tokens, token_bench
from tests.support.waiting import eventually


@pytest_asyncio.fixture
async def bench(mongo_server: str, mongo_database: str) -> AsyncIterator[TokenBench]:
    async with token_bench(mongo_server, mongo_database) as made:
        yield made


async def crowd(bench: TokenBench, replicas: list[Tokens], count: int, **arguments: Any) -> list[Any]:
    """Ask `count` times at once, evenly over the replicas; return tokens and errors."""
    asking = [
        replicas[number % len(replicas)].get(bench.integration, bench.grant(), **arguments) for number in range(count)
    ]
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_a_crowd_at_two_replicas_makes_one_request(bench: TokenBench) -> None:
    tokens = await crowd(bench, [bench.replica(), bench.replica()], 200)

    assert {token.value for token in tokens} == {"t0ken-1"}
    assert bench.asked == 1


async def test_a_token_is_used_until_shortly_before_it_expires(bench: TokenBench) -> None:
    replica = bench.replica()
    first = await replica.get(bench.integration, bench.grant())

    bench.clock.move(seconds=539)
    same = await replica.get(bench.integration, bench.grant())
    bench.clock.move(seconds=2)
    crowded = await crowd(bench, [replica, bench.replica()], 50)

    assert (first.value, same.value) == ("t0ken-1", "t0ken-1")
    assert {token.value for token in crowded} == {"t0ken-2"}
    assert bench.asked == 2


async def test_a_refused_token_is_renewed_once_for_all_who_had_it(bench: TokenBench) -> None:
    replicas = [bench.replica(), bench.replica()]
    [refused, *_] = await crowd(bench, replicas, 2)

    renewed = await crowd(bench, replicas, 100, refused=refused)

    assert {token.value for token in renewed} == {"t0ken-2"}
    assert bench.asked == 2


async def test_a_late_refusal_of_an_old_token_renews_nothing(bench: TokenBench) -> None:
    replica = bench.replica()
    old = await replica.get(bench.integration, bench.grant())
    new = await replica.get(bench.integration, bench.grant(), refused=old)

    again = await replica.get(bench.integration, bench.grant(), refused=old)

    assert (new.value, again.value, bench.asked) == ("t0ken-2", "t0ken-2", 2)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: JSONResponse({"error": "invalid_client"}, 401), CredentialsRefusedError),
        (lambda: JSONResponse({"error": "invalid_grant", "error_description": "s3cret"}, 400), CredentialsRefusedError),
        (lambda: JSONResponse({"error": "bad_refresh_token"}), CredentialsRefusedError),
        (lambda: JSONResponse({"ok": False, "error": "token_expired"}), CredentialsRefusedError),
        (lambda: PlainTextResponse("s3cret", 403), CredentialsRefusedError),
        (lambda: JSONResponse({"nothing": "here"}), UpstreamError),
        (lambda: PlainTextResponse("no json"), UpstreamError),
        (lambda: Response(status_code=503), UpstreamError),
        (lambda: Response(status_code=429, headers={"retry-after": "20"}), RateLimitedError),
        (lambda: Response(status_code=302, headers={"location": "/elsewhere"}), UpstreamError),
    ],
)
async def test_a_crowd_asks_an_endpoint_that_gives_no_token_once(
    bench: TokenBench, answer: Any, error: type[Exception]
) -> None:
    bench.server.always = lambda _: answer()

    outcomes = await crowd(bench, [bench.replica(), bench.replica()], 60)

    assert {type(outcome) for outcome in outcomes} == {error}
    assert bench.asked == 1
    assert not any("s3cret" in str(outcome) for outcome in outcomes)


async def test_after_a_refusal_it_is_tried_again_later(bench: TokenBench) -> None:
    replica = bench.replica()
    bench.server.answers.append(JSONResponse({"error": "invalid_client"}, 401))
    await crowd(bench, [replica], 1)

    bench.clock.move(seconds=REFUSED_FOR.total_seconds() + 1)
    token = await replica.get(bench.integration, bench.grant())

    assert token.value == "t0ken-1"


async def test_new_credentials_are_tried_at_once(bench: TokenBench) -> None:
    replica = bench.replica()
    bench.server.answers.append(JSONResponse({"error": "invalid_client"}, 401))
    await crowd(bench, [replica], 1)

    token = await replica.get(bench.integration, bench.grant(client_secret="another-s3cret"))

    assert token.value == "t0ken-1"


async def test_a_token_that_can_not_be_renewed_early_is_used_to_its_end(bench: TokenBench) -> None:
    replica = bench.replica()
    await replica.get(bench.integration, bench.grant())
    bench.server.always = lambda _: Response(status_code=503)

    bench.clock.move(seconds=560)
    still = await replica.get(bench.integration, bench.grant())
    bench.clock.move(seconds=60)

    assert still.value == "t0ken-1"
    with pytest.raises(UpstreamError):
        await replica.get(bench.integration, bench.grant())


async def test_integrations_and_workspaces_have_tokens_of_their_own(bench: TokenBench) -> None:
    replica = bench.replica()
    here = bench.integration
    elsewhere = an_integration(id=here.id, workspace_id="33333333-2222-4222-8222-222222222222")

    values = [(await replica.get(one, bench.grant())).value for one in (here, an_integration(), elsewhere, here)]

    assert values == ["t0ken-1", "t0ken-2", "t0ken-3", "t0ken-1"]


async def test_a_replica_that_died_while_asking_is_followed_by_another(bench: TokenBench) -> None:
    store = MongoTokenStore(bench.database, Vault("shared-token-0123"))
    replica = bench.replica()
    dead = await leased_by_the_dead(bench, store)

    bench.clock.move(seconds=LEASE.total_seconds() + 1)
    token = await replica.get(bench.integration, bench.grant())
    late = replace(dead, token=Token(value="late", generation=1), generation=1)

    assert token.value == "t0ken-1"
    assert not await store.save(late, now=bench.clock())
    assert (await bench.replica().get(bench.integration, bench.grant())).value == "t0ken-1"


async def leased_by_the_dead(bench: TokenBench, store: MongoTokenStore) -> TokenSlot:
    """Take the lease of the slot that the bench's grant uses, as somebody who will not come back."""
    grant, vault = bench.grant(), Vault("shared-token-0123")
    whose = (bench.integration.workspace_id, bench.integration.id)
    key = vault.name(*whose, *grant.slot, vault.name(*whose, *grant.origin))
    leased = await store.lease(await store.find(key), now=bench.clock(), ttl=LEASE)
    assert leased is not None
    assert await store.lease(await store.find(key), now=bench.clock(), ttl=LEASE) is None
    return leased


async def test_the_database_holds_nothing_that_could_be_used(bench: TokenBench) -> None:
    await bench.replica().get(bench.integration, bench.grant())

    stored = str(await bench.database.collection(TOKENS).find({}).to_list(10))

    assert "lease_until" in stored
    for secret in ("t0ken-1", "refr3sh-1", "client-s3cret"):
        assert secret not in stored


async def test_after_the_shared_token_has_changed_a_token_is_got_anew(bench: TokenBench) -> None:
    await bench.replica().get(bench.integration, bench.grant())

    token = await bench.replica(shared_token="another-token-0123").get(bench.integration, bench.grant())

    assert token.value == "t0ken-2"


APP_SECRET = "app-s3cret"


def consent(bench: TokenBench, **changes: Any) -> AuthorizationCode:
    app = OAuthApp(client_id="app", client_secret=APP_SECRET, token_url=f"{bench.url}/token")
    chosen = {
        "access_token": "a0",
        "refresh_token": "r0",
        "expires_at": bench.clock() - timedelta(minutes=1),
        **changes,
    }
    return AuthorizationCode(app=app, **chosen)


async def test_a_rotated_refresh_token_is_used_the_next_time_and_given_to_the_registry(bench: TokenBench) -> None:
    grant = consent(bench)
    first = await bench.replica().get(bench.integration, grant)
    bench.clock.move(seconds=600)

    second = await bench.replica().get(bench.integration, grant)  # the registry has not changed yet

    await eventually(lambda: len(bench.rotation.kept) >= 2)
    forms = [received.raw.decode() for received in bench.server.received]
    assert (first.value, second.value) == ("t0ken-1", "t0ken-2")
    assert ["refresh_token=r0" in forms[0], "refresh_token=refr3sh-1" in forms[1]] == [True, True]
    assert [token.refresh_token for token in bench.rotation.kept] == ["refr3sh-1", "refr3sh-2"]


async def test_once_the_registry_has_the_new_token_the_chain_goes_on(bench: TokenBench) -> None:
    token = await bench.replica().get(bench.integration, consent(bench))
    saved = consent(bench, access_token=token.value, refresh_token=token.refresh_token, expires_at=token.expires_at)

    same = await bench.replica().get(bench.integration, saved)

    assert (same.value, bench.asked) == (token.value, 1)


async def test_a_person_who_consents_again_starts_a_new_chain(bench: TokenBench) -> None:
    await bench.replica().get(bench.integration, consent(bench))

    token = await bench.replica().get(bench.integration, consent(bench, refresh_token="r9"))

    assert token.value == "t0ken-2"
    assert "refresh_token=r9" in bench.server.received[1].raw.decode()


async def test_what_the_registry_could_not_be_told_is_told_when_the_token_is_next_looked_up(bench: TokenBench) -> None:
    bench.rotation.settles = False
    await bench.replica().get(bench.integration, consent(bench))
    await eventually(lambda: len(bench.rotation.kept) == 1)

    bench.rotation.settles = True
    await bench.replica().get(bench.integration, consent(bench))
    await eventually(lambda: len(bench.rotation.kept) == 2)
    await eventually(lambda: _saved(bench))
    await bench.replica().get(bench.integration, consent(bench))

    assert len(bench.rotation.kept) == 2
    assert bench.asked == 1


async def _saved(bench: TokenBench) -> bool:
    [document] = await bench.database.collection(TOKENS).find({}).to_list(10)
    return document["unsaved"] is False


async def test_a_code_is_exchanged_once_however_many_come(bench: TokenBench) -> None:
    grant = consent(bench, access_token=None, refresh_token=None, code="c0de", expires_at=None)
    replicas = [bench.replica(), bench.replica()]

    tokens = await asyncio.gather(*(replicas[n % 2].get(bench.integration, grant) for n in range(60)))

    assert {token.value for token in tokens} == {"t0ken-1"}
    assert "grant_type=authorization_code&code=c0de" in bench.server.received[0].raw.decode()
    assert bench.asked == 1


async def test_a_token_without_known_life_is_used_until_it_is_refused(bench: TokenBench) -> None:
    bench.server.always = numbered_tokens()
    grant = consent(bench, expires_at=None)
    held = await bench.replica().get(bench.integration, grant)
    bench.clock.move(days=3)

    renewed = await bench.replica().get(bench.integration, grant, refused=held)

    assert (held.value, renewed.value) == ("a0", "t0ken-1")
