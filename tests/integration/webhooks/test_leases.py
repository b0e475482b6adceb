"""Leases on destinations and what is written under them, on the real database: whoever lost one changes nothing."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tieline.settings import MongoSettings
from tieline_webhooks.adapters import mongo
from tieline_webhooks.adapters.documents import delivery_document
from tieline_webhooks.adapters.mongo_deliveries import MongoDeliveries
from tieline_webhooks.adapters.mongo_lanes import MongoLanes
from tieline_webhooks.adapters.mongo_ledger import MongoLedger
from tieline_webhooks.domain.deliveries import Delivered, Delivery, Failed, State, settled
from tieline_webhooks.domain.lanes import Lease

from tests.unit.webhooks.domain.test_deliveries import a_delivery

NOW = datetime(2026, 3, 21, 14, 5, tzinfo=UTC)
LEASE = timedelta(seconds=20)


@dataclass
class Replicas:
    """Two replicas on one database."""

    first: MongoLanes
    second: MongoLanes
    deliveries: MongoDeliveries
    ledger: MongoLedger
    database: AsyncDatabase[mongo.Document]

    async def store(self, delivery: Delivery) -> Delivery:
        await self.database[mongo.DELIVERIES].insert_one(delivery_document(delivery))
        return delivery


@pytest.fixture
async def replicas(mongo_server: str, mongo_database: str) -> AsyncIterator[Replicas]:
    settings = MongoSettings.model_validate({"url": mongo_server, "database": mongo_database})
    client = mongo.build_client(settings, app_name="test")
    database = mongo.database_of(client, settings)
    await mongo.apply_indexes(database)
    ledger = MongoLedger(database)
    yield Replicas(
        first=MongoLanes(database, owner="first", lease=LEASE),
        second=MongoLanes(database, owner="second", lease=LEASE),
        deliveries=MongoDeliveries(client, database, ledger, keep=timedelta(days=30), stripe=1),
        ledger=ledger,
        database=database,
    )
    await client.close()


def pending(number: int = 0, **changes: object) -> Delivery:
    return a_delivery(id=f"d{number}-{uuid.uuid4().hex}", created_at=NOW, updated_at=NOW, due=NOW, **changes)


async def taken(lanes: MongoLanes, destination: str, at: datetime) -> Lease:
    lease = await lanes.take(destination, token=uuid.uuid4().hex, now=at)
    assert lease is not None
    return lease


async def test_one_replica_at_a_time_holds_a_destination_until_its_lease_runs_out(replicas: Replicas) -> None:
    mine = await taken(replicas.first, "w1:slack:C1", NOW)

    early = await replicas.second.take("w1:slack:C1", token="t2", now=NOW + LEASE - timedelta(seconds=1))
    kept = await replicas.first.extend([mine], now=NOW + timedelta(seconds=5))
    late = await replicas.second.take("w1:slack:C1", token="t3", now=NOW + LEASE + timedelta(seconds=6))
    lost = await replicas.first.extend([mine], now=NOW + LEASE + timedelta(seconds=7))

    assert early is None
    assert kept == {mine.token}
    assert late is not None
    assert lost == set()


async def test_giving_back_a_lost_destination_takes_it_from_nobody(replicas: Replicas) -> None:
    mine = await taken(replicas.first, "w1:slack:C1", NOW)
    later = NOW + LEASE + timedelta(seconds=1)
    await taken(replicas.second, "w1:slack:C1", later)

    await replicas.first.give_back([mine])

    assert await replicas.first.take("w1:slack:C1", token="t4", now=later) is None


async def test_what_a_replica_writes_after_its_lease_was_taken_over_changes_nothing(replicas: Replicas) -> None:
    delivery = await replicas.store(pending())
    later = NOW + LEASE + timedelta(seconds=1)
    old = await taken(replicas.first, delivery.destination, NOW)
    [due] = await replicas.deliveries.due(delivery.destination, now=NOW, limit=10)
    assert await replicas.deliveries.begin(due, old, now=NOW)
    new = await taken(replicas.second, delivery.destination, later)
    [again] = await replicas.deliveries.due(delivery.destination, now=later, limit=10)

    begun = await replicas.deliveries.begin(again, new, now=later)
    failed = _after(delivery, Failed(detail="late"))
    late_word = await replicas.deliveries.settle(delivery, failed, old)
    word = await replicas.deliveries.settle(delivery, _after(delivery, Delivered(message_id="m1")), new)
    too_late = await replicas.deliveries.settle(delivery, failed, old)

    assert due.begun_by is None
    assert again.begun_by == old.token  # whoever takes over knows that a try was begun
    assert (begun, late_word, word, too_late) == (True, False, True, False)
    stored = await replicas.database[mongo.DELIVERIES].find_one({"_id": delivery.id})
    assert stored is not None
    assert (stored["state"], stored["message_id"]) == ("delivered", "m1")
    books = await replicas.ledger.balance("w1")
    assert (books.delivered, books.pending) == (1, -1)  # this test booked no arrival


async def test_two_replicas_that_read_the_same_delivery_do_not_both_begin_it(replicas: Replicas) -> None:
    delivery = await replicas.store(pending())
    [due] = await replicas.deliveries.due(delivery.destination, now=NOW, limit=10)
    one = Lease(destination=delivery.destination, token="one", until=NOW + LEASE)
    other = replace(one, token="other")

    begun = [await replicas.deliveries.begin(due, lease, now=NOW) for lease in (one, other)]

    assert begun == [True, False]


async def test_destinations_with_something_due_are_found_and_none_hides_another(replicas: Replicas) -> None:
    for number in range(6):
        await replicas.store(pending(number, channel_id=f"C{number % 3}"))
    await replicas.store(replace(pending(7, channel_id="C7"), due=NOW + timedelta(hours=1)))
    await replicas.store(replace(pending(8, channel_id="C8"), state=State.PARKED))

    found = await replicas.first.waiting(now=NOW, except_for={"w1:slack:C2"}, limit=10)
    firsts = {(await replicas.first.waiting(now=NOW, except_for=(), limit=1))[0] for _ in range(40)}

    assert sorted(found) == ["w1:slack:C0", "w1:slack:C1"]
    assert firsts == {"w1:slack:C0", "w1:slack:C1", "w1:slack:C2"}


async def test_what_is_due_comes_in_the_order_of_its_events(replicas: Replicas) -> None:
    first = await replicas.store(replace(pending(1, position=1), due=NOW + timedelta(seconds=7)))  # told to wait
    second = await replicas.store(pending(2, position=2))
    await replicas.store(replace(pending(3, position=3), due=NOW + timedelta(hours=1)))
    await replicas.store(replace(pending(4, position=0), state=State.PARKED))

    found = await replicas.deliveries.due(first.destination, now=NOW + timedelta(seconds=8), limit=10)

    assert [each.delivery.id for each in found] == [first.id, second.id]


def _after(delivery: Delivery, outcome: Delivered | Failed) -> Delivery:
    return settled(delivery, outcome, now=NOW, milliseconds=1, uniform=lambda low, _high: low)
