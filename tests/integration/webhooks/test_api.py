"""The router's own API: events in, deliveries, the books, the quarantine, and what routes say."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

from tieline.clock import system_clock
from tieline.topics import DELIVERY_EVENTS

from tests.support.registry_stub import WORKSPACE
from tests.support.router_world import (
    SLUG,
    RouterWorld,
    a_pagerduty_incident,
    a_sentry_issue,
    signed_pagerduty,
    signed_sentry,
)
from tests.support.topics import records_of
from tests.support.waiting import eventually


def a_deploy(event_id: str = "deploy-1") -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/services/deployer",
        "type": "deploy.finished",
        "subject": "storefront",
        "project": "storefront",
        "title": "Storefront 4.2 is live",
        "link": "https://deploys.example.com/4.2",
        "data": {"version": "4.2", "seconds": 41},
    }


async def test_services_emit_cloudevents_that_are_delivered_once(world: RouterWorld) -> None:
    await world.route("route-1", "deploy.*", "slack", "C0DEPLOY")
    await world.new_router().start()
    structured: dict[str, Any] = {
        "content": json.dumps(a_deploy()),
        "headers": {"content-type": "application/cloudevents+json"},
    }

    first = await eventually(lambda: _routed(world, structured))
    again = await world.api("POST", "/api/events", **structured)
    batch = [a_deploy("deploy-2"), {**a_deploy("deploy-3"), "type": "deploy.started", "subject": "warehouse"}]
    many = await world.api(
        "POST",
        "/api/events",
        content=json.dumps(batch),
        headers={"content-type": "application/cloudevents-batch+json"},
    )
    await world.settled(3)

    assert again.json() == first
    assert [each["routed"] for each in many.json()["events"]] == [True, True]
    shown = [str(message) for message in world.slack.messages.values()]
    assert len(shown) == 3
    assert all("Storefront 4.2 is live" in each for each in shown)


async def _routed(world: RouterWorld, request: dict[str, Any]) -> dict[str, object] | None:
    answer = await world.api("POST", "/api/events", **request)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found if found["routed"] else None


async def test_events_need_a_key_that_may_publish_for_that_workspace(world: RouterWorld) -> None:
    await world.new_router().start()
    world.registry.allow("tl_viewer", "event.view")
    request = {"content": json.dumps(a_deploy())}
    kind = {"content-type": "application/cloudevents+json"}

    unknown = await world.api("POST", "/api/events", key="tl_unknown", headers=kind, **request)
    viewer = await world.api("POST", "/api/events", key="tl_viewer", headers=kind, **request)
    elsewhere = await world.api("POST", "/api/events", headers={**kind, "x-org-id": "org-other"}, **request)
    other_workspace = await world.api("GET", "/v1/99999999-2222-3333-4444-555555555555/ledger")

    assert (unknown.status_code, unknown.json()["code"]) == (401, "UNAUTHORIZED")
    assert (viewer.status_code, viewer.json()["code"]) == (403, "FORBIDDEN")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "FORBIDDEN")
    assert (other_workspace.status_code, other_workspace.json()) == (404, {"detail": "Workspace not found"})


async def test_a_refused_webhook_is_taken_in_once_its_secret_is_put_right(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    body = a_sentry_issue()
    new_secret = signed_sentry(body, secret="rotated-by-somebody")

    assert (await world.post("sentry", body, new_secret)).status_code == 401
    assert (await world.post("sentry", body, new_secret)).status_code == 401
    path = f"/v1/{SLUG}/quarantine"

    async def both_are_kept() -> list[dict[str, object]]:
        found: list[dict[str, object]] = (await world.api("GET", path)).json()["entries"]
        return found if found and found[0]["times"] == 2 else []

    [entry] = await eventually(both_are_kept)
    before = await world.api("POST", f"{path}/{entry['id']}/reverify")
    stored = await world.database["webhook_quarantine"].find_one({})
    sentry = await world.integrate("sentry", {"config.webhook_secret": json.dumps(["old", "rotated-by-somebody"])})
    await world.save(sentry.model_copy(update={"revision": 2}), world.registry.secrets[sentry.id])

    async def is_genuine() -> bool:
        return bool((await world.api("POST", f"{path}/{entry['id']}/reverify")).json()["verified"])

    await eventually(is_genuine)
    replayed = await world.api("POST", f"{path}/{entry['id']}/replay")
    await world.settled(1)

    assert entry["reason"] == "signature_mismatch"
    assert before.json() == {"verified": False, "reason": "signature_mismatch"}
    assert b"TypeError" not in bytes(stored["sealed"])
    assert replayed.json()["received"] is True
    assert len(world.slack.messages) == 1
    assert (await world.api("GET", path)).json()["entries"] == []


async def test_deliveries_wait_for_their_channel_to_be_configured(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "telegram", "-100200300")
    await world.new_router().start()
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    [parked] = await world.settled(1, state="parked")
    books = await world.ledger()

    assert parked["reason"] == "integration_not_configured"
    assert (books["received"], books["parked"], books["balanced"]) == (1, 1, True)


async def test_deliveries_of_a_disabled_route_are_parked_and_can_be_released(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.route("route-2", "sentry.issue.*", "slack", "C0QUIET", enabled=False)
    await world.new_router().start()
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    await world.settled(1)
    [parked] = await world.settled(1, state="parked")
    released = await world.api("POST", f"/v1/{WORKSPACE}/deliveries/release", json={"ids": [parked["_id"]]})
    await world.settled(2)
    books = await world.ledger()

    told = await eventually(lambda: _told_of(world, parked["_id"], 3))

    assert [each["state"] for each in told] == ["parked", "pending", "delivered"]
    assert [each["outcome"] for each in told] == [None, None, "delivered"]
    assert parked["reason"] == "route_disabled"
    assert released.json() == {"count": 1, "ids": [parked["_id"]]}
    assert {channel for channel, _ in world.slack.messages} == {"C0ERRORS", "C0QUIET"}
    assert (books["received"], books["delivered"], books["balanced"]) == (2, 2, True)


async def _told_of(world: RouterWorld, delivery_id: str, count: int) -> list[dict[str, Any]]:
    records = await records_of(world.kafka, DELIVERY_EVENTS)
    told = [json.loads(each.value) for each in records if each.value is not None]
    found = [each for each in told if each["deliveryId"] == delivery_id]
    return found if len(found) >= count else []


async def test_a_replayed_delivery_is_sent_once_more(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "discord", "1175000000000000042")
    await world.new_router().start()
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    [first] = await world.settled(1)
    empty = await world.api("POST", f"/v1/{WORKSPACE}/deliveries/replay", json={})
    replayed = await world.api("POST", f"/v1/{WORKSPACE}/deliveries/replay", json={"eventType": "sentry.issue.*"})
    await eventually(lambda: len(world.discord.messages) == 2)

    async def delivered_again() -> bool:
        shown = (await world.api("GET", f"/v1/{WORKSPACE}/deliveries/{first['_id']}")).json()
        return bool(shown["state"] == "delivered" and len(shown["history"]) == 2)

    await eventually(delivered_again)

    assert empty.status_code == 422
    assert replayed.json() == {"count": 1, "ids": [first["_id"]]}
    assert (await world.ledger())["balanced"]


async def test_routes_explain_themselves_and_can_be_tried_before_they_are_saved(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS", project_id="storefront")
    await world.route("route-2", "incident.*", "discord", "1175000000000000042")
    await world.new_router().start()
    body = a_sentry_issue()
    await world.routed("sentry", body, signed_sentry(body))
    [delivery] = await world.settled(1)
    headers = {"x-org-id": SLUG}

    past = await world.api(
        "POST", "/api/channel-routes/explain", json={"eventId": delivery["event_id"]}, headers=headers
    )
    other = await world.api(
        "POST",
        "/api/channel-routes/explain",
        json={"eventType": "sentry.issue.created", "project": "warehouse"},
        headers=headers,
    )
    what_if = await world.api(
        "POST", "/api/channel-routes/what-if", json={"eventType": "sentry.issue.*", "days": 1}, headers=headers
    )
    wrong = await world.api("POST", "/api/channel-routes/what-if", json={"eventType": "sentry..x"}, headers=headers)

    assert [(each["id"], each["takes"]) for each in past.json()["routes"]] == [("route-1", True), ("route-2", False)]
    assert other.json()["routed"] is False
    assert {each["id"]: each["reason"] for each in other.json()["routes"]} == {
        "route-1": "project_mismatch",
        "route-2": "pattern_mismatch",
    }
    assert (what_if.json()["lookedAt"], what_if.json()["byType"]) == (1, {"sentry.issue.created": 1})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "INVALID_PATTERN")


async def test_lists_come_in_pages(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "discord", "1175000000000000042")
    await world.new_router().start()
    bodies = [a_sentry_issue(str(number)) for number in range(5)]
    await world.routed("sentry", bodies[0], signed_sentry(bodies[0]))
    await asyncio.gather(*(world.post("sentry", body, signed_sentry(body)) for body in bodies[1:]))
    await world.settled(5)

    seen: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await world.api("GET", f"/v1/{WORKSPACE}/deliveries", params=query)).json()
        seen += [each["id"] for each in page["deliveries"]]
        cursor = page["nextCursor"]

    assert cursor is None
    assert len(seen) == len(set(seen)) == 5


async def test_whatever_cannot_be_verified_is_refused_and_kept_up_to_a_bound(world: RouterWorld) -> None:
    await world.route("route-1", "*", "slack", "C0ALL")
    secrets = {"config.bot_token": "xoxb-test", "config.webhook_secret": "slack-secret"}
    await world.integrate("slack", secrets, base_url=world.addresses["slack"])
    await world.integrate("linear", {})
    await world.new_router(TIELINE_WEBHOOKS__QUARANTINE_MAX_ENTRIES="4").start()
    path, body = f"/v1/{SLUG}/quarantine", a_sentry_issue()
    stale = str(int(system_clock().timestamp()) - 3600)
    signed = hmac.new(b"slack-secret", b"v0:%s:{}" % stale.encode(), hashlib.sha256).hexdigest()

    async def reasons(count: int) -> list[str]:
        entries = (await world.api("GET", path)).json()["entries"]
        return [each["reason"] for each in entries] if len(entries) == count else []

    answers = [
        await world.post("linear", b"{}", {"linear-signature": "0" * 64}),
        await world.post("sentry", body, {}),
        await world.post("sentry", body, signed_sentry(body, secret="nobody's")),
        await world.post("slack", b"{}", {"x-slack-request-timestamp": stale, "x-slack-signature": f"v0={signed}"}),
    ]
    kept = await eventually(lambda: reasons(4))
    for number in range(3):
        forged = a_sentry_issue(str(number))
        answers.append(await world.post("sentry", forged, signed_sentry(forged, secret="nobody's")))

    async def newest_are_kept() -> bool:
        return (await reasons(4)).count("signature_mismatch") >= 3

    await eventually(newest_are_kept)
    incident = a_pagerduty_incident()
    await world.routed("pagerduty", incident, signed_pagerduty(incident))
    await world.settled(1)

    assert {each.status_code for each in answers} == {401}
    assert sorted(kept) == ["missing_signature", "no_secret_configured", "signature_mismatch", "stale_timestamp"]
    assert [each["event"]["type"] for each in await world.deliveries()] == ["incident.triggered"]
