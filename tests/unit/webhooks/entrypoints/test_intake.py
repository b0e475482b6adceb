"""Hook addresses as HTTP sees them: what is said to whom."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest
from prometheus_client import REGISTRY
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope
from tieline.errors import RecordTooLargeError
from tieline.observability.scrapes import before_scrape
from tieline_webhooks.domain.errors import NotReadyError, OverloadedError, SpoolFullError
from tieline_webhooks.domain.quarantine import Webhook
from tieline_webhooks.domain.senders import SENDERS
from tieline_webhooks.entrypoints.intake import Intake
from tieline_webhooks.handlers.receive import Receipt, RefusedWebhookError

from tests.unit.webhooks.handlers.test_receive import BODY, Given, sentry

SIGNED = {"x-org-id": "org-acme-corp", "sentry-hook-signature": hmac.new(b"s1", BODY, hashlib.sha256).hexdigest()}
LIMIT = 10_000


class Refusals(list[tuple[Webhook, str]]):
    """What was handed to the quarantine."""

    def note(self, webhook: Webhook, error: RefusedWebhookError) -> None:
        self.append((webhook, error.reason.reason))


def an_intake(
    receive: Callable[[Webhook], Awaitable[Receipt]] | None = None,
    *,
    refusals: Refusals | None = None,
    max_in_hand: int = 10,
) -> Intake:
    return Intake(
        PlainTextResponse("the application behind"),
        receive=receive or Given(sentry(), i1=("s1",)).receive,
        on_refused=(refusals if refusals is not None else Refusals()).note,
        max_body_bytes=LIMIT,
        max_in_hand=max_in_hand,
    )


def calling(intake: Intake) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=intake), base_url="http://router")


def failing(error: Exception) -> Callable[[Webhook], Awaitable[Receipt]]:
    async def receive(_webhook: Webhook) -> Receipt:
        raise error

    return receive


async def test_a_genuine_webhook_is_answered_with_where_it_goes() -> None:
    async with calling(an_intake()) as http:
        answer = await http.post("/api/webhooks/sentry", content=BODY, headers=SIGNED)
        by_integration = await http.post("/api/webhooks/sentry/i1", content=BODY, headers=SIGNED)

    assert answer.status_code == 200
    assert answer.json()["received"] is True
    assert answer.json()["routed"] is True
    assert answer.json()["agentId"].startswith("agent-incident-")
    assert by_integration.json() == answer.json()


@pytest.mark.parametrize("source", sorted(SENDERS))
async def test_a_get_says_what_the_address_expects_and_a_head_the_same_without_a_body(source: str) -> None:
    async with calling(an_intake()) as http:
        shown = await http.get(f"/api/webhooks/{source}")
        of_an_integration = await http.get(f"/api/webhooks/{source}/i1")
        head = await http.head(f"/api/webhooks/{source}")

    assert shown.status_code == head.status_code == 200
    assert (shown.json()["source"], shown.json()["method"]) == (source, "POST")
    assert {"signature", "configure"} <= shown.json().keys()
    assert of_an_integration.json() == shown.json()
    assert (head.content, head.headers["content-length"]) == (b"", shown.headers["content-length"])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_nobody_posts_under_an_unknown_name(method: str) -> None:
    async with calling(an_intake()) as http:
        answer = await http.request(method, "/api/webhooks/myspace")

    assert answer.status_code == 404
    assert method == "HEAD" or answer.json()["code"] == "SOURCE_NOT_FOUND"


async def test_other_methods_are_told_which_there_are() -> None:
    async with calling(an_intake()) as http:
        answer = await http.put("/api/webhooks/sentry", content=BODY)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_what_is_not_a_hook_address_goes_to_the_application_behind() -> None:
    async with calling(an_intake()) as http:
        assert (await http.get("/api/webhook")).text == "the application behind"


async def test_what_cannot_be_verified_is_refused_without_a_hint_and_kept() -> None:
    refusals = Refusals()
    async with calling(an_intake(refusals=refusals)) as http:
        forged = await http.post("/api/webhooks/sentry", content=b"{}", headers=SIGNED)
        unsigned = await http.post("/api/webhooks/sentry", content=BODY, headers={"x-org-id": "org-acme-corp"})
        strange = await http.post("/api/webhooks/sentry/i2", content=BODY, headers=SIGNED)

    assert [each.status_code for each in (forged, unsigned, strange)] == [401, 401, 401]
    assert forged.content == unsigned.content == strange.content
    assert [(webhook.body, reason) for webhook, reason in refusals] == [
        (b"{}", "signature_mismatch"),
        (BODY, "missing_signature"),
        (BODY, "no_secret_configured"),
    ]


async def chunks(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 1_000):
        yield b"x" * 1_000


@pytest.mark.parametrize("content", [b"x" * (LIMIT + 1), chunks(LIMIT + 1_000)], ids=["announced", "chunked"])
async def test_a_body_over_the_limit_is_not_read_to_its_end(content: bytes | AsyncIterator[bytes]) -> None:
    async with calling(an_intake()) as http:
        answer = await http.post("/api/webhooks/sentry", content=content, headers=SIGNED)

    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (SpoolFullError("full"), 503, "UNAVAILABLE", "30"),
        (OverloadedError("busy"), 503, "UNAVAILABLE", "1"),
        (NotReadyError("reading"), 503, "UNAVAILABLE", "5"),
        (RecordTooLargeError("too large"), 413, "PAYLOAD_TOO_LARGE", None),
        (RuntimeError("a secret s1"), 500, "INTERNAL_ERROR", None),
    ],
)
async def test_what_goes_wrong_is_told_in_one_shape(
    error: Exception, status: int, code: str, retry_after: str | None
) -> None:
    async with calling(an_intake(failing(error))) as http:
        answer = await http.post("/api/webhooks/sentry", content=BODY, headers=SIGNED)

    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry_after)
    assert (answer.json()["code"], answer.json()["status"]) == (code, status)
    assert "s1" not in answer.text


async def test_no_more_are_taken_in_hand_than_allowed() -> None:
    async with calling(an_intake(max_in_hand=0)) as http:
        answer = await http.post("/api/webhooks/sentry", content=BODY, headers=SIGNED)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_sender_that_hangs_up_before_its_body_is_whole_leaves_nothing() -> None:
    given = Given(sentry(), i1=("s1",))
    coming: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    scope: Scope = {"type": "http", "method": "POST", "path": "/api/webhooks/sentry", "headers": []}
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await an_intake(given.receive)(scope, receive, send)

    assert (sent, given.log.events) == ([], [])


async def test_answers_are_counted_when_the_metrics_are_read() -> None:
    def told() -> tuple[float, float, float]:
        routed = REGISTRY.get_sample_value("tieline_webhooks_received_total", {"source": "sentry", "outcome": "routed"})
        timed = REGISTRY.get_sample_value("tieline_webhook_answer_seconds_count")
        at_most_5_s = REGISTRY.get_sample_value("tieline_webhook_answer_seconds_bucket", {"le": "5.0"})
        return routed or 0, timed or 0, at_most_5_s or 0

    await before_scrape()
    before = told()

    async with calling(an_intake()) as http:
        for _ in range(3):
            assert json.loads((await http.post("/api/webhooks/sentry", content=BODY, headers=SIGNED)).content)
    await before_scrape()

    assert told() == tuple(each + 3 for each in before)
