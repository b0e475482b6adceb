"""Events from the log, whoever wrote them: routed once, and nothing stands in their way."""

import asyncio
from dataclasses import replace

from tieline.clock import system_clock
from tieline.contracts.events import agent_id, emitted_event
from tieline.kafka.records import OutgoingRecord
from tieline.topics import AGENT_EVENTS, EVENTS, ROUTE_EVENTS, ROUTE_EVENTS_GROUP, dead_letter_topic

from tests.support.registry_stub import WORKSPACE
from tests.support.router_world import RouterWorld, a_sentry_issue, signed_sentry
from tests.support.topics import records_of
from tests.support.waiting import eventually


def a_deploy(event_id: str, *, workspace_id: str = WORKSPACE) -> OutgoingRecord:
    return emitted_event(
        workspace_id=workspace_id,
        event_id=event_id,
        event_type="deploy.finished",
        source="/services/deployer",
        subject="storefront",
        time=system_clock(),
        title=f"Deploy {event_id}",
        data=b'{"version": "4.2"}',
    )


async def test_a_service_that_writes_to_kafka_is_routed_like_a_webhook(world: RouterWorld) -> None:
    await world.route("route-1", "deploy.*", "slack", "C0DEPLOY")
    await world.new_router().start()

    for record in (a_deploy("d1"), a_deploy("d1"), a_deploy("d2")):
        await world.producer.send(record)
    await world.settled(2)

    async def all_are_booked() -> bool:
        return bool((await world.ledger())["received"] == 3)

    await eventually(all_are_booked)
    books = await world.ledger()

    assert len(world.slack.messages) == 2
    assert (books["delivered"], books["suppressedByReason"], books["balanced"]) == (2, {"duplicate": 1}, True)


async def test_what_a_route_takes_is_handed_to_its_agent_once_and_whole(world: RouterWorld) -> None:
    await world.route("route-1", "deploy.*", "slack", "C0DEPLOY")
    await world.route("route-2", "sentry.*", "slack", "C0ERRORS")
    await world.route("route-3", "release.*", "slack", "C0OFF", enabled=False)
    await world.new_router().start()
    body = a_sentry_issue()
    extended = replace(a_deploy("d2"), headers={**a_deploy("d2").headers, "ce_region": "eu-1"})
    unwanted = replace(a_deploy("d3"), headers={**a_deploy("d3").headers, "ce_type": "release.cut"})

    for record in (a_deploy("d1"), a_deploy("d1"), extended, unwanted):
        await world.producer.send(record)
    answer = await world.routed("sentry", body, signed_sentry(body))
    await world.routed("sentry", body, signed_sentry(body))

    async def all_are_booked() -> bool:
        return bool((await world.ledger())["received"] >= 6)

    await eventually(all_are_booked)
    handed = await records_of(world.kafka, AGENT_EVENTS)

    nobodys, storefronts = agent_id(WORKSPACE, None), agent_id(WORKSPACE, "storefront")
    assert [(each.key, each.event_id) for each in handed if each.key == nobodys] == [(nobodys, "d1"), (nobodys, "d2")]
    [webhook] = [each for each in handed if each.key != nobodys]
    assert (webhook.key, webhook.headers["ce_agentid"]) == (storefronts, answer.json()["agentId"])
    assert webhook.value == body
    assert next(each for each in handed if each.event_id == "d2").headers["ce_region"] == "eu-1"


async def test_a_record_that_cannot_be_read_goes_to_the_dead_letters_and_blocks_nothing(world: RouterWorld) -> None:
    await world.route("route-1", "deploy.*", "slack", "C0DEPLOY")
    await world.new_router().start()
    good = a_deploy("d1")
    poison = OutgoingRecord(topic=EVENTS, key=good.key, value=b"\xff\xfe", headers={"ce_id": "x"})

    await world.producer.send_all([poison, good])
    await world.settled(1)
    letters = await eventually(lambda: records_of(world.kafka, dead_letter_topic(ROUTE_EVENTS_GROUP)))

    [letter] = letters
    assert letter.value == b"\xff\xfe"
    assert letter.headers["dead-letter-reason"] == "header ce_workspaceid is missing"
    assert letter.headers["dead-letter-error"] == "UnreadableRecordError"


async def test_a_restarted_router_knows_its_routes_from_the_topic_alone(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0OLD")
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")  # the last record of a key counts
    await world.route("route-2", "sentry.*", "slack", "C0GONE")
    await world.producer.send(OutgoingRecord(topic=ROUTE_EVENTS, key="route-2", value=None))
    router = world.new_router()
    await router.start()
    await router.stop()
    await router.start()
    body = a_sentry_issue()

    await world.routed("sentry", body, signed_sentry(body))
    await world.settled(1)

    assert {channel for channel, _ in world.slack.messages} == {"C0ERRORS"}
    assert len(await world.deliveries()) == 1


async def test_the_books_balance_at_every_moment(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.issue.created", "discord", "1175000000000000042")
    await world.route("route-2", "sentry.issue.*", "slack", "C0QUIET", enabled=False)
    router = world.new_router()
    await router.start()
    bodies = [a_sentry_issue(str(number)) for number in range(6)]
    bodies += [a_sentry_issue(str(number), action="assigned") for number in range(3)]  # only the disabled route
    other = b'{"action": "created", "data": {"comment": "hello", "issue_id": 1, "comment_id": 7}}'  # no route
    seen: list[bool] = []
    watching = asyncio.create_task(_watch(world, seen))

    await world.routed("sentry", bodies[0], signed_sentry(bodies[0]))
    for body in [*bodies[1:], *bodies[:4], other]:
        assert (await world.post("sentry", body, signed_sentry(body))).status_code == 200
    await world.settled(2)
    await router.kill()
    await router.start()
    await world.settled(6)

    async def all_are_booked() -> bool:
        return bool((await world.ledger())["received"] >= 20)

    await eventually(all_are_booked)
    watching.cancel()
    books = await world.ledger()

    # 6 created events go to both routes, 3 assigned ones to the disabled one; 4 repeated, one of no interest. Asking
    # until the first was routed may have repeated it more often.
    assert books["delivered"] == 6
    assert books["parked"] == 9
    assert books["suppressedByReason"]["no_route"] == 1
    assert books["suppressedByReason"]["duplicate"] >= 4
    assert books["balanced"]
    assert len(seen) > 5
    assert all(seen)


async def _watch(world: RouterWorld, seen: list[bool]) -> None:
    """Look at the books in the database all the time, whatever the router does."""
    while True:
        found = [each async for each in world.database["delivery_ledger"].find({})]
        for each in found:
            amounts = dict(each["amounts"])
            suppressed = sum(amounts.pop("suppressed", {}).values())
            seen.append(amounts.pop("received", 0) == sum(amounts.values()) + suppressed)
        await asyncio.sleep(0.02)
