import base64
import hmac
from hashlib import sha256

import httpx2
import pytest
from tieline_simulators import WebhookSimulator

from tests.unit.simulators.clock import SetClock

KEY, OLD_KEY = b"k" * 24, b"o" * 24
BODY = '{"type":"deploy.finished","note":"\u00e9"}'.encode()


def secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def signed(at: float, *, key: bytes = KEY, body: bytes = BODY, identifier: str = "msg_1") -> dict[str, str]:
    digest = hmac.digest(key, f"{identifier}.{int(at)}.".encode() + body, sha256)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def test_without_a_secret_everything_is_taken_on_any_path(
    webhook_api: httpx2.AsyncClient, webhook: WebhookSimulator
) -> None:
    answer = await webhook_api.post("/hooks/deploy?a=1", content=b"anything")

    assert answer.status_code == 200
    assert [(each.path, each.query, each.body) for each in webhook.received] == [("/hooks/deploy", "a=1", "anything")]


async def test_webhook_signed_with_any_of_the_secrets_is_taken(
    webhook_api: httpx2.AsyncClient, webhook: WebhookSimulator, clock: SetClock
) -> None:
    webhook.configure({"secrets": [secret(KEY), secret(OLD_KEY)]})
    both = signed(clock())
    both["webhook-signature"] = (
        f"v1a,ignored {signed(clock(), key=b'?' * 24)['webhook-signature']} " + (both["webhook-signature"])
    )

    statuses = [
        (await webhook_api.post("/", content=BODY, headers=headers)).status_code
        for headers in (signed(clock()), signed(clock(), key=OLD_KEY), both)
    ]

    assert statuses == [200, 200, 200]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "a webhook header is missing"),
        (signed(1_790_000_000, key=OLD_KEY), "no signature matches"),
        (signed(1_790_000_000, body=b"{}"), "no signature matches"),
        (signed(1_790_000_000 - 301), "the timestamp is not of now"),
        (signed(1_790_000_000 + 301), "the timestamp is not of now"),
        ({**signed(1_790_000_000), "webhook-id": "msg_2"}, "no signature matches"),
    ],
)
async def test_webhook_that_cannot_be_trusted_is_refused_and_not_recorded(
    webhook_api: httpx2.AsyncClient, webhook: WebhookSimulator, headers: dict[str, str], reason: str
) -> None:
    webhook.configure({"secrets": [secret(KEY)]})

    answer = await webhook_api.post("/", content=BODY, headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"error": reason})
    assert list(webhook.received) == []


async def test_secret_that_is_no_base64_is_refused(webhook_api: httpx2.AsyncClient) -> None:
    answer = await webhook_api.post("/_config", json={"secrets": ["whsec_!"]})

    assert answer.status_code == 400
