"""Clients of the stream: they come late, come back, come twice, and go away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import orjson
import pytest
import pytest_asyncio
from tieline_gateway.domain.stream_tokens import StreamClaim, StreamTokens
from tieline_simulators import ServiceNowSimulator, running

from tests.integration.sync.bench import SyncBench
from tests.integration.sync.gateway import gateway
from tests.integration.sync.test_published_stream import (
    ADMIN,
    INTEGRATION,
    configure,
    frame_ids,
    incidents,
    without_ids,
    worker_http,
)
from tests.support.http_server import serving
from tests.support.registry_stub import TOKEN, WORKSPACE

SYNC = f"/integrations/sync/{INTEGRATION}"
EVENTS = f"{SYNC}/events"
INCIDENTS = 150


class Replicas:
    """Two gateway replicas over one worker, and an instance with 150 incidents."""

    def __init__(self, one: httpx2.AsyncClient, other: httpx2.AsyncClient) -> None:
        self.one = one
        self.other = other


@asynccontextmanager
async def _client(bench: SyncBench, worker_url: str, heartbeat: float = 15.0) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        gateway(bench.settings, sync_worker_url=worker_url, heartbeat=heartbeat) as address,
        httpx2.AsyncClient(base_url=address, headers=ADMIN, timeout=30) as http,
    ):
        yield http


@pytest_asyncio.fixture
async def replicas(bench: SyncBench) -> AsyncIterator[Replicas]:
    async with (
        running(servicenow=ServiceNowSimulator(incidents(INCIDENTS))) as addresses,
        bench.worker() as worker,
        serving(worker_http(worker)) as worker_url,
        _client(bench, worker_url) as one,
        _client(bench, worker_url) as other,
    ):
        configure(bench, addresses["servicenow"])
        yield Replicas(one, other)


class Reader:
    """A stream that is being read; `text` is all of it so far."""

    def __init__(self, answer: httpx2.Response) -> None:
        self._chunks = answer.aiter_text()
        self.text = ""

    async def until(self, text: str) -> str:
        """Read until the stream has said `text`; return its whole frames so far, all of it while there are none."""
        while text not in self.text:
            self.text += await anext(self._chunks)
        return self.text[: self.text.rfind("\n\n") + 2] if "\n\n" in self.text else self.text

    async def to_the_end(self) -> str:
        """Read the rest; return all of it."""
        async for chunk in self._chunks:
            self.text += chunk
        return self.text


async def test_stream_resumes_on_another_replica_without_gap_or_repeat(replicas: Replicas) -> None:
    async with replicas.one.stream("POST", SYNC) as answer:
        before = await Reader(answer).until("Batch 5 of 30")

    after = await replicas.other.get(EVENTS, headers={"last-event-id": frame_ids(before)[-1]})

    whole = await replicas.one.get(EVENTS)
    assert without_ids(before) + without_ids(after.text) == without_ids(whole.text)
    assert whole.text.count("event: progress") == 32
    assert without_ids(whole.text).count("event: complete") == 1


async def test_stream_resumes_after_the_run_has_ended(replicas: Replicas) -> None:
    whole = (await replicas.one.post(SYNC)).text
    ids = frame_ids(whole)

    rest = await replicas.other.get(EVENTS, headers={"last-event-id": ids[10]})
    after_the_last = await replicas.other.get(EVENTS, headers={"last-event-id": ids[-1]})

    assert frame_ids(rest.text) == ids[11:]
    assert after_the_last.status_code == 204


async def test_unknown_last_event_id_starts_from_the_first_event(replicas: Replicas) -> None:
    whole = (await replicas.one.post(SYNC)).text

    for unknown in ("7-99999", "99-1", "not-an-id", "0-0"):
        answer = await replicas.other.get(EVENTS, headers={"last-event-id": unknown})
        assert without_ids(answer.text) == without_ids(whole), unknown


async def test_second_start_attaches_to_the_run_under_way(replicas: Replicas) -> None:
    async with replicas.one.stream("POST", SYNC) as answer:
        first = Reader(answer)
        await first.until("Batch 3 of 30")
        second, whole = await asyncio.gather(replicas.other.post(SYNC), first.to_the_end())

    assert without_ids(second.text) == without_ids(whole)
    assert '"added":150,"total":150' in second.text


async def test_client_that_goes_away_stops_nothing(replicas: Replicas) -> None:
    async with replicas.one.stream("POST", SYNC) as answer:
        await Reader(answer).until("Batch 1 of 30")

    whole = await replicas.other.get(EVENTS)

    assert '"added":150,"total":150' in whole.text


async def test_same_idempotency_key_shows_the_same_run_again(replicas: Replicas) -> None:
    first = await replicas.one.post(SYNC, headers={"idempotency-key": "nightly-1"})

    again = await replicas.other.post(SYNC, headers={"idempotency-key": "nightly-1"})

    assert without_ids(again.text) == without_ids(first.text)


async def test_browser_reads_a_run_with_a_token_and_no_headers(replicas: Replicas) -> None:
    accepted = await replicas.one.post(SYNC, headers={"prefer": "respond-async"})
    events = accepted.json()["events"]
    bare = httpx2.AsyncClient(base_url=replicas.other.base_url, timeout=30)

    async with bare:
        answer = await bare.get(events)
        elsewhere = await bare.get(events.replace(INTEGRATION, WORKSPACE))
        forged = await bare.get(events[:-4] + "AAAA")
        nobody = await bare.get(EVENTS)

    assert accepted.status_code == 202
    assert without_ids(answer.text).count("event: complete") == 1
    assert (elsewhere.status_code, forged.status_code, nobody.status_code) == (403, 401, 401)
    assert nobody.json()["success"] is False


def test_stream_token_expires() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    claim = StreamClaim(workspace_id="w", integration_id="i", run_id="r", expires_at=now + timedelta(minutes=15))
    tokens = StreamTokens(TOKEN)

    token = tokens.issue(claim)

    assert tokens.claim_of(token, now=now) == claim
    assert tokens.claim_of(token, now=now + timedelta(minutes=15)) is None
    assert StreamTokens("another secret").claim_of(token, now=now) is None


@pytest.mark.parametrize(("caller", "status"), [("reader", 403), ("", 401)])
async def test_who_may_not_sync_is_told_by_status(replicas: Replicas, caller: str, status: int) -> None:
    answer = await replicas.one.post(SYNC, headers={"x-caller": caller})

    assert answer.status_code == status
    assert orjson.loads(answer.content)["success"] is False


async def test_stranger_finds_no_integration_and_no_run(replicas: Replicas) -> None:
    whole = (await replicas.one.post(SYNC)).text
    stranger = {"x-caller": "stranger"}

    started = await replicas.one.post(SYNC, headers=stranger)
    followed = await replicas.one.get(EVENTS, headers=stranger | {"last-event-id": frame_ids(whole)[3]})

    assert "Integration not found" in started.text
    assert followed.status_code == 404


async def test_batch_size_is_asked_for_and_bounded(replicas: Replicas) -> None:
    larger = await replicas.one.post(SYNC, params={"batch_size": 100})
    too_large = await replicas.one.post(SYNC, params={"batch_size": 1001})

    assert "Batch 2 of 2 processed (50 incidents)" in larger.text
    assert (too_large.status_code, too_large.json()["success"]) == (400, False)


async def test_quiet_stream_has_heartbeats(bench: SyncBench) -> None:
    async with _client(bench, "http://127.0.0.1:9", heartbeat=0.05) as http:
        configure(bench, "http://127.0.0.1:9")
        async with http.stream("POST", SYNC) as answer:  # no worker is there to take the run
            text = await Reader(answer).until(": heartbeat\n: heartbeat\n")

    assert text.startswith("retry: 3000\n: heartbeat\n")
