"""Kafka goes away and comes back: senders are answered all the same, nothing is lost, doubled or reordered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tieline.settings import KafkaSettings
from tieline.topics import EVENTS
from tieline_cli.processes.ports import free_port

from tests.support.outage import StoppableBroker, appended, send_for
from tests.support.router_world import SECRETS, RouterWorld, a_sentry_issue, router_world, signed_sentry
from tests.support.waiting import eventually

SECONDS_AWAY = 4.0


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[StoppableBroker]:
    """A broker of this test's own."""
    broker = StoppableBroker(tmp_path, free_port())
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
async def world(
    broker: StoppableBroker, topic_prefix: str, mongo_server: str, mongo_database: str, tmp_path: Path
) -> AsyncIterator[RouterWorld]:
    """A router that only takes webhooks in."""
    async with router_world(
        kafka_server=broker.address,
        topic_prefix=topic_prefix,
        mongo_server=mongo_server,
        mongo_database=mongo_database,
        folder=tmp_path,
    ) as world:
        await world.integrate("sentry", {"config.webhook_secret": SECRETS["sentry"]})
        yield world


async def test_webhooks_are_taken_in_while_kafka_is_away(world: RouterWorld, broker: StoppableBroker) -> None:
    router = world.new_router(TIELINE_WEBHOOKS__ROLES='["intake"]')
    await router.start()
    await _until_verified(world)

    before = await send_for(router.address, seconds=1.5, rate=100)
    await broker.stop()
    sending = asyncio.create_task(send_for(router.address, seconds=SECONDS_AWAY + 4, rate=100, first=1000))
    await asyncio.sleep(SECONDS_AWAY)
    assert not await router.answers("/readyz")
    await broker.start()
    during = await sending
    await eventually(lambda: router.answers("/readyz"), within=60)
    there = await appended(world.kafka)

    assert before.refused == during.refused == 0
    assert there == {subject: numbers + during.accepted[subject] for subject, numbers in before.accepted.items()}
    assert during.percentile(0.99) < 1.0


async def test_what_was_under_way_when_kafka_stopped_arrives_once(world: RouterWorld, broker: StoppableBroker) -> None:
    if not broker.durable:
        pytest.skip("the embedded broker may lose what it acknowledges while it stops; see make test-kafka")
    # Away for longer than aiokafka by itself would keep a batch whose acknowledgement may have been lost.
    router = world.new_router(TIELINE_WEBHOOKS__ROLES='["intake"]', TIELINE_KAFKA__REQUEST_TIMEOUT="PT2S")
    await router.start()
    await _until_verified(world)

    sending = asyncio.create_task(send_for(router.address, seconds=SECONDS_AWAY + 4, rate=100))
    await asyncio.sleep(1.5)
    await broker.stop()
    await asyncio.sleep(SECONDS_AWAY)
    await broker.start()
    seen = await sending
    await eventually(lambda: router.answers("/readyz"), within=60)

    assert seen.refused == 0
    assert await appended(world.kafka) == seen.accepted
    assert router.log.read_text().count("Unable connect") < 1000  # aiokafka by itself tries so often in a second


async def test_what_is_in_the_spool_of_a_killed_router_is_taken_to_kafka_by_the_next(
    world: RouterWorld, broker: StoppableBroker
) -> None:
    router = world.new_router(TIELINE_WEBHOOKS__ROLES='["intake"]')
    await router.start()
    await _until_verified(world)
    await broker.stop()
    bodies = [a_sentry_issue("4711", title=f"webhook {number}") for number in range(1, 21)]

    for body in bodies:
        assert (await world.post("sentry", body, signed_sentry(body))).status_code == 200
    await router.kill()
    await broker.start()
    await router.start()
    there = await eventually(lambda: _appended_about("sentry/issue/4711", world.kafka, 20))

    assert there is not None
    assert list(dict.fromkeys(there)) == list(range(1, 21))


async def test_a_full_spool_tells_senders_to_come_back(world: RouterWorld, broker: StoppableBroker) -> None:
    router = world.new_router(TIELINE_WEBHOOKS__ROLES='["intake"]', TIELINE_WEBHOOKS__SPOOL_MAX_BYTES="1048576")
    await router.start()
    await _until_verified(world)
    await broker.stop()
    filler = "x" * 200_000

    answers = []
    for number in range(8):
        body = a_sentry_issue(str(number), filler=filler)
        answers.append(await world.post("sentry", body, signed_sentry(body)))

    assert answers[0].status_code == 200
    assert answers[-1].status_code == 503
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_the_largest_webhook_there_may_be_reaches_the_topic(world: RouterWorld, broker: StoppableBroker) -> None:
    router = world.new_router(TIELINE_WEBHOOKS__ROLES='["intake"]')
    await router.start()
    await _until_verified(world)
    bodies = [a_large_issue("1"), a_large_issue("2"), a_sentry_issue("3", title="webhook 1")]

    assert [(await world.post("sentry", each, signed_sentry(each))).status_code for each in bodies[:1]] == [200]
    await broker.stop()
    assert [(await world.post("sentry", each, signed_sentry(each))).status_code for each in bodies[1:]] == [200, 200]
    await broker.start()
    await eventually(lambda: router.answers("/readyz"), within=60)

    assert await appended(world.kafka) == {f"sentry/issue/{number}": [1] for number in (1, 2, 3)}


async def test_what_kafka_never_takes_holds_up_nothing_else(
    world: RouterWorld, broker: StoppableBroker, tmp_path: Path
) -> None:
    if not broker.durable:
        pytest.skip("the embedded broker takes records of any size; see make test-kafka")
    router = world.new_router(TIELINE_WEBHOOKS__ROLES='["intake"]')
    await router.start()
    await _until_verified(world)
    await limit_records(world.kafka, to=100_000)
    large, small = a_large_issue("1"), [a_sentry_issue("2", title=f"webhook {number}") for number in range(1, 5)]

    refused = await world.post("sentry", large, signed_sentry(large))
    taken = [await world.post("sentry", each, signed_sentry(each)) for each in small[:2]]
    await broker.stop()
    taken += [await world.post("sentry", each, signed_sentry(each)) for each in (small[2], large, small[3])]
    await broker.start()
    await eventually(lambda: router.answers("/readyz"), within=60)

    assert (refused.status_code, refused.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert [each.status_code for each in taken] == [200] * 5
    assert await appended(world.kafka) == {"sentry/issue/2": [1, 2, 3, 4]}
    assert large in (tmp_path / "router-0" / "spool" / "set-aside").read_bytes()


def a_large_issue(issue: str) -> bytes:
    """Return a webhook of 1 MiB, the most that is taken in."""
    rest = 1_048_576 - len(a_sentry_issue(issue, title="webhook 1", filler=""))
    return a_sentry_issue(issue, title="webhook 1", filler="x" * rest)


async def limit_records(settings: KafkaSettings, *, to: int) -> None:
    """Make the event topic take smaller records only."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        name = settings.topic_prefix + EVENTS
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": str(to)})])
    finally:
        await admin.close()


async def _until_verified(world: RouterWorld) -> None:
    """Wait until the router knows the secret and Kafka takes its events."""

    async def answers_a_forged_one() -> bool:
        return (await world.post("sentry", b"{}", signed_sentry(b"{}", secret="another"))).status_code == 401

    await eventually(answers_a_forged_one)  # 503 while the secret is not known


async def _appended_about(subject: str, settings: KafkaSettings, count: int) -> list[int] | None:
    found = (await appended(settings)).get(subject, [])
    return found if len(set(found)) >= count else None
