"""How calls go is shown in the status, and told as an event when credentials stop working."""

import asyncio
import json
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from tieline.provider_client import CallNote, CallNotes, ProviderClient
from tieline.topics import EVENTS
from tieline_simulators import Fault

from tests.contract.providers.configuring import configure, get
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack
from tests.support.stacks import until

SENTRY = "/api/observability/sentry"
NEW = {"cache-control": "no-cache"}


def entry(asker: Caller, provider: str = "sentry") -> dict[str, Any]:
    integrations = get(asker, "/api/integrations/status").json()["integrations"]
    return next(one for one in integrations if one["id"] == provider)


def health(asker: Caller) -> dict[str, Any]:
    found: dict[str, Any] = entry(asker).get("health", {})
    return found


def test_before_any_call_the_status_is_as_documented(asker: Caller, providers: ProviderStack) -> None:
    configure(asker, providers, "sentry", authToken="t0ken-0", organization="acme")

    assert entry(asker) == {"id": "sentry", "configured": True, "status": "active", "lastSync": None}


def test_success_and_failure_are_shown(asker: Caller, providers: ProviderStack) -> None:
    configure(asker, providers, "sentry", authToken="t0ken-0", organization="acme")

    get(asker, SENTRY)
    until(lambda: bool(health(asker).get("lastSuccess")))
    before = health(asker)
    providers.stand_ins["sentry"].faults.add(Fault(kind="status", status=503))
    get(asker, SENTRY, **NEW)
    until(lambda: bool(health(asker)["lastError"]))

    assert before["lastError"] is None
    assert (before["breaker"], entry(asker)["status"]) == ("closed", "active")
    assert health(asker)["lastError"]["message"] == "HTTP 503: Internal Error"


def test_a_provider_that_keeps_failing_is_left_alone_for_a_while(asker: Caller, providers: ProviderStack) -> None:
    configure(asker, providers, "sentry", authToken="t0ken-0", organization="acme")
    providers.stand_ins["sentry"].faults.add(Fault(kind="status", status=500, times=0))

    answers = [get(asker, SENTRY, **NEW) for _ in range(12)]
    until(lambda: health(asker).get("breaker") == "open")

    details = [answer.json()["details"] for answer in answers]
    assert {answer.status_code for answer in answers} == {502}
    assert details[:10] == ["HTTP 500: Internal Error"] * 10
    assert details[11].startswith("The last calls all failed")
    assert int(answers[11].headers["retry-after"]) <= 15


def test_credentials_that_stop_working_are_shown_and_told_once(asker: Caller, providers: ProviderStack) -> None:
    configure(asker, providers, "sentry", authToken="t0ken-0", organization="acme")
    get(asker, SENTRY)
    providers.stand_ins["sentry"].configure({"tokens": ["another-t0ken"]})

    for _ in range(3):
        get(asker, SENTRY, **NEW)
    until(lambda: entry(asker)["status"] == "error")
    events = until_events(providers, asker, 1)
    configure(asker, providers, "sentry", authToken="another-t0ken")

    assert entry(asker)["status"] == "active"
    assert get(asker, SENTRY, **NEW).status_code == 200
    until(lambda: (health(asker)["lastSuccess"] or "") >= health(asker)["lastError"]["at"])
    assert entry(asker)["status"] == "active"
    [(headers, value)] = events
    assert headers["ce_type"] == "integration.credentials.failed"
    assert headers["ce_workspaceid"] == asker.workspace_id
    assert headers["ce_severity"] == "error"
    assert (value["provider"], value["error"]) == ("sentry", "HTTP 401: Invalid token")
    assert "t0ken" not in json.dumps([headers, value])


def test_what_syncs_meet_is_shown_and_told_as_well(asker: Caller, providers: ProviderStack) -> None:
    configure(asker, providers, "sentry", authToken="t0ken-0", organization="acme", project="checkout")
    [integration] = asker.http.get(asker.v1("integrations"), params={"search": "sentry"}).json()["items"]
    sync = f"/integrations/sync/{integration['id']}"

    well = asker.http.post(sync).text
    until(lambda: bool(health(asker).get("lastSuccess")))
    providers.stand_ins["sentry"].configure({"tokens": ["another-t0ken"]})
    refused = asker.http.post(sync).text
    until(lambda: entry(asker)["status"] == "error")

    assert "event: complete" in well
    assert "Check this integration's credentials" in refused
    assert "HTTP 401" in health(asker)["lastError"]["message"]
    [(headers, _)] = until_events(providers, asker, 1)
    assert headers["ce_type"] == "integration.credentials.failed"


def test_what_the_router_notes_of_a_channel_is_shown_and_told(asker: Caller, providers: ProviderStack) -> None:
    configured = {"integration": "slack", "config": {"botToken": "xoxb-0"}}
    asker.http.post("/api/integrations/configure", headers=asker.org(), json=configured)
    [slack] = asker.http.get(asker.v1("integrations"), params={"search": "slack"}).json()["items"]
    note = CallNote(workspace_id=asker.workspace_id, integration_id=slack["id"], revision=1)

    tell(providers, note, note.model_copy(update={"integration_id": "00000000-0000-4000-8000-000000000000"}))
    until(lambda: bool(entry(asker, "slack").get("health", {}).get("lastSuccess")))
    outdated = note.model_copy(update={"revision": 0, "error": "token_revoked", "refused": True})
    tell(providers, outdated, note.model_copy(update={"error": "HTTP 503"}))
    until(lambda: bool(entry(asker, "slack")["health"]["lastError"]))
    before = entry(asker, "slack")
    for _ in range(2):
        tell(providers, note.model_copy(update={"error": "token_revoked", "refused": True}))
    until(lambda: entry(asker, "slack")["status"] == "error")

    assert (before["status"], before["health"]["lastError"]["message"]) == ("active", "HTTP 503")
    assert entry(asker, "slack")["health"]["breaker"] == "closed"
    [(headers, value)] = until_events(providers, asker, 1)
    assert headers["ce_type"] == "integration.credentials.failed"
    assert (value["provider"], value["error"]) == ("slack", "token_revoked")


def tell(providers: ProviderStack, *notes: CallNote) -> None:
    """Note calls as the webhook router does."""

    async def note() -> None:
        settings = providers.gateway.internal(sync_worker_url=providers.worker_urls[0])
        async with ProviderClient(settings) as client:
            await client.note(CallNotes(items=list(notes)))

    asyncio.run(note())


def until_events(providers: ProviderStack, asker: Caller, count: int) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Return this workspace's events once there are `count`, and no more within a moment."""
    found: list[tuple[dict[str, str], dict[str, Any]]] = []

    async def read() -> None:
        topic = providers.gateway.kafka.topic_prefix + EVENTS
        consumer = AIOKafkaConsumer(
            bootstrap_servers=providers.gateway.kafka.bootstrap_servers, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, number) for number in range(12)])
            await consumer.seek_to_beginning()
            silent = 0
            while silent < 3:
                records = await consumer.getmany(timeout_ms=200)
                silent = 0 if len(found) < count else silent + 1
                for record in (one for batch in records.values() for one in batch):
                    headers = {name: value.decode() for name, value in record.headers}
                    if headers.get("ce_workspaceid") == asker.workspace_id:
                        found.append((headers, json.loads(record.value or b"null")))
        finally:
            await consumer.stop()

    asyncio.run(asyncio.wait_for(read(), 30))
    return found
