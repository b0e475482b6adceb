"""Deliveries through trouble: crashes, lost answers, slow and angry destinations, changing incidents."""

import asyncio
import time
from typing import Any

from tieline.clock import system_clock
from tieline_simulators import Fault, Target, TelegramSimulator, WebhookSimulator, running
from tieline_webhooks.domain.rates import FAILURES_TO_OPEN
from tieline_webhooks.domain.retries import SCHEDULE

from tests.support.registry_stub import WORKSPACE
from tests.support.router_world import (
    RouterWorld,
    a_pagerduty_incident,
    a_sentry_issue,
    signed_pagerduty,
    signed_sentry,
)
from tests.support.waiting import eventually

DISCORD = "1175000000000000042"
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_what_was_recorded_before_a_kill_is_sent_once_after_the_restart(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")  # one message per second: the others wait, recorded
    router = world.new_router()
    await router.start()
    bodies = [a_sentry_issue(str(number)) for number in range(4)]

    await world.routed("sentry", bodies[0], signed_sentry(bodies[0]))
    for body in bodies[1:]:
        assert (await world.post("sentry", body, signed_sentry(body))).status_code == 200

    async def all_are_recorded() -> bool:
        return len(await world.deliveries()) == len(bodies)

    await eventually(all_are_recorded)
    await router.kill()
    assert len(world.slack.messages) < len(bodies)
    await router.start()
    await world.settled(len(bodies))

    assert len(world.slack.messages) == len(bodies)
    assert (await world.ledger())["balanced"]


async def test_an_answer_lost_by_a_kill_is_looked_up_instead_of_sent_again(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.route("route-2", "sentry.*", "discord", DISCORD)
    router = world.new_router()
    await router.start()
    for stand_in in (world.slack, world.discord):
        stand_in.faults.add(Fault(kind="slow", target=Target(method="POST"), seconds=30))  # posted, never answered
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    await eventually(lambda: world.slack.messages and world.discord.messages)
    await router.kill()
    await router.start()
    delivered = await world.settled(2)

    assert len(world.slack.messages) == len(world.discord.messages) == 1
    assert not any(each["uncertain"] for each in delivered)


async def test_a_broken_connection_after_the_post_does_not_double_the_message(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.route("route-2", "sentry.*", "discord", DISCORD)
    await world.new_router().start()
    for stand_in in (world.slack, world.discord):
        stand_in.faults.add(Fault(kind="accept_then_reset", target=Target(method="POST")))
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    delivered = await world.settled(2)

    assert len(world.slack.messages) == len(world.discord.messages) == 1
    assert [[each["outcome"] for each in one["history"]] for one in delivered] == [["answer_lost", "found"]] * 2


async def test_without_a_look_up_a_lost_message_is_marked_before_it_is_sent_again_under_the_same_id(
    world: RouterWorld,
) -> None:
    hooks, telegram = WebhookSimulator(secrets=[SIGNING_SECRET]), TelegramSimulator()
    async with running(hooks=hooks, telegram=telegram) as addresses:
        await world.integrate("webhook", {"config.signing_secret": SIGNING_SECRET})
        await world.integrate("telegram", {"config.bot_token": "telegram-test"}, base_url=addresses["telegram"])
        await world.route("route-1", "sentry.*", "webhook", f"{addresses['hooks']}/alerts")
        await world.route("route-2", "sentry.*", "telegram", "71034512")
        await world.new_router().start()
        for stand_in in (hooks, telegram):
            stand_in.faults.add(Fault(kind="accept_then_reset"))
        body = a_sentry_issue()

        await world.routed("sentry", body, signed_sentry(body))
        waiting = await eventually(lambda: _both_lost(world))
        delivered = await world.settled(2)
        ids = {each.headers["webhook-id"] for each in hooks.received}

    assert [each["uncertain"] for each in waiting] == [True, True]  # while the second try is still to come
    assert [[each["outcome"] for each in one["history"]] for one in delivered] == [["answer_lost", "delivered"]] * 2
    assert [each["uncertain"] for each in delivered] == [True, True]  # the messages may be there twice: they are
    assert (len(hooks.received), len(telegram.received)) == (2, 2)
    assert ids == {each["_id"] for each in delivered if each["channel"] == "webhook"}  # a receiver knows it again


async def _both_lost(world: RouterWorld) -> list[dict[str, Any]]:
    found = await world.deliveries(state="pending", attempts=1)
    return found if len(found) == 2 else []


async def test_a_destination_that_fails_is_left_alone_and_after_the_last_try_a_delivery_is_dead_until_replayed(
    world: RouterWorld,
) -> None:
    hooks = WebhookSimulator()
    async with running(hooks=hooks) as addresses:
        await world.integrate("webhook", {"config.signing_secret": SIGNING_SECRET})
        await world.route("route-1", "sentry.*", "webhook", f"{addresses['hooks']}/down")
        await world.route("route-2", "incident.*", "webhook", f"{addresses['hooks']}/dying")
        await world.new_router().start()
        down = Fault(kind="status", status=500, target=Target(path="/down"), times=0)
        hooks.faults.add(down)
        hooks.faults.add(Fault(kind="status", status=500, target=Target(path="/dying"), times=0))
        issues = [a_sentry_issue(str(number)) for number in range(FAILURES_TO_OPEN + 4)]
        incident = a_pagerduty_incident()

        await world.routed("pagerduty", incident, signed_pagerduty(incident))
        await eventually(lambda: _tried_once(world))
        last_but_one = {"attempts": len(SCHEDULE) - 1, "due": system_clock()}  # a day passes quickly
        await world.database["deliveries"].update_one({"event_type": "incident.triggered"}, {"$set": last_but_one})
        await world.routed("sentry", issues[0], signed_sentry(issues[0]))
        for body in issues[1:]:
            await world.post("sentry", body, signed_sentry(body))
        [dead] = await world.settled(1, state="dead")
        await eventually(lambda: _breakers_open(world, 1))
        hits, books = down.hits, await world.ledger()
        hooks.faults.clear()
        selection = {"eventType": "incident.*", "state": "dead", "since": dead["created_at"].isoformat()}
        replayed = await world.api("POST", f"/v1/{WORKSPACE}/deliveries/replay", json=selection)
        await world.settled(1)
        after = await world.ledger()

    assert hits == FAILURES_TO_OPEN  # the others wait, and spend none of their attempts
    assert (dead["reason"], dead["attempts"]) == ("attempts_exhausted", len(SCHEDULE))
    assert (books["dead"], books["pending"], books["balanced"]) == (1, len(issues), True)
    assert replayed.json()["ids"] == [dead["_id"]]
    assert (after["dead"], after["delivered"], after["balanced"]) == (0, 1, True)


async def _tried_once(world: RouterWorld) -> bool:
    return bool(await world.deliveries(attempts=1))


async def _breakers_open(world: RouterWorld, count: int) -> bool:
    metrics = (await world.http.get(f"{world.router.address}/metrics")).text
    return f'tieline_breakers_destinations{{state="open"}} {count}.0' in metrics


async def test_a_destination_that_hangs_or_is_limited_delays_no_other(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0HANGS")
    await world.route("route-2", "sentry.*", "slack", "C0FINE")
    await world.route("route-4", "sentry.*", "slack", "C0LIMITED")
    await world.route("route-3", "sentry.*", "discord", DISCORD)
    await world.new_router().start()
    world.slack.faults.add(Fault(kind="hang", target=Target(channel="C0HANGS"), seconds=60, times=0))
    world.slack.faults.add(Fault(kind="rate_limit", target=Target(channel="C0LIMITED"), retry_after=60, times=0))
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    started = time.monotonic()
    await world.settled(2)
    took = time.monotonic() - started

    assert took < 5.0  # the one that hangs is given 10 s, the one that is limited waits for a minute
    assert {channel for channel, _ in world.slack.messages} == {"C0FINE"}
    assert len(world.discord.messages) == 1


async def test_a_rate_limit_is_obeyed_and_is_no_failure(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    world.slack.faults.add(Fault(kind="rate_limit", retry_after=2.0))
    body = a_sentry_issue()

    started = time.monotonic()
    await world.routed("sentry", body, signed_sentry(body))
    [delivered] = await world.settled(1)
    took = time.monotonic() - started

    assert took >= 2.0
    assert [each["outcome"] for each in delivered["history"]] == ["rate_limited", "delivered"]
    assert delivered["attempts"] == 1


async def test_a_failed_attempt_is_made_again_by_the_schedule(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "discord", DISCORD)
    await world.new_router().start()
    world.discord.faults.add(Fault(kind="status", status=500))
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    [delivered] = await world.settled(1)

    first, second = delivered["history"]
    assert (first["outcome"], second["outcome"]) == ("failed", "delivered")
    assert 4.0 <= (second["at"] - first["at"]).total_seconds() <= 8.0  # 5 s ± 20 %, and the work itself
    assert delivered["attempts"] == 2


async def test_an_incident_that_changes_changes_its_message(world: RouterWorld) -> None:
    await world.route("route-1", "incident.*", "discord", DISCORD)
    await world.route("route-2", "incident.*", "slack", "C0ALERTS")
    await world.new_router().start()

    for event in ("triggered", "acknowledged", "resolved"):
        body = a_pagerduty_incident(event=event)
        await world.routed("pagerduty", body, signed_pagerduty(body))
        count = 2 * (1 + ("triggered", "acknowledged", "resolved").index(event))
        await world.settled(count)

    [in_discord] = world.discord.messages.values()
    [in_slack] = world.slack.messages.values()
    assert in_discord["edited_timestamp"] is not None
    assert "resolved" in str(in_discord["embeds"])
    assert "resolved" in str(in_slack)


async def test_credentials_that_are_refused_park_deliveries_until_they_are_put_right(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    world.slack.configure({"tokens": ["xoxb-new"]})
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    [parked] = await world.settled(1, state="parked")
    slack = world.registry.integrations["int-slack"].model_copy(update={"revision": 2})
    await world.save(slack, {"config.bot_token": "xoxb-new"})
    await world.settled(1)

    assert parked["reason"] == "credentials_refused"
    assert len(world.slack.messages) == 1
    assert (await world.ledger())["balanced"]


async def test_a_dead_replicas_destinations_are_taken_over(world: RouterWorld) -> None:
    """With the settings as they come: within the half minute that docs/deliveries.md promises."""
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    first, second = world.new_router(), world.new_router()
    await asyncio.gather(first.start(), second.start())
    bodies = [a_sentry_issue(str(number)) for number in range(8)]

    await world.routed("sentry", bodies[0], signed_sentry(bodies[0]))
    for body in bodies[1:]:
        await world.post("sentry", body, signed_sentry(body))

    async def all_are_recorded() -> bool:
        return len(await world.deliveries()) == len(bodies)

    async def holder() -> str:
        lane = await world.database["delivery_lanes"].find_one({"_id": f"{WORKSPACE}:slack:C0ERRORS"})
        assert lane is not None
        return str(lane["owner"])

    async def another_holds_it() -> bool:
        return await holder() != dead

    await eventually(all_are_recorded)
    dead = await holder()
    name_of_first = (world.folder / "router-0/spool/instance").read_text()
    await (first if dead == name_of_first else second).kill()
    sent_before = len(world.slack.messages)
    await eventually(another_holds_it, within=30)
    delivered = await world.settled(len(bodies), within=120)

    assert sent_before < len(bodies)
    assert len(delivered) == len(world.slack.messages) == len(bodies)


async def test_a_routes_fallback_takes_over_when_its_destination_is_not_there(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0GONE", fallback_route_id="route-2")
    await world.route("route-2", "nothing.of.its.own", "discord", DISCORD)
    await world.new_router().start()
    world.slack.configure({"channels": ["C0OTHER"]})
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    [delivered] = await world.settled(1)
    [parked] = await world.settled(1, state="parked")
    books = await world.ledger()

    assert delivered["route_id"] == "route-2"
    assert len(world.discord.messages) == 1
    assert parked["reason"] == "fell_back"
    assert (books["received"], books["delivered"], books["parked"], books["balanced"]) == (2, 1, 1, True)
