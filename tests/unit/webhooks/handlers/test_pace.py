"""How fast a replica sends where, and how much room each account has."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from tieline_webhooks.domain.deliveries import Blocked, Delivered, Delivery, Failed, Outcome, Parked, RateLimited
from tieline_webhooks.domain.rates import FAILURES_TO_OPEN, FIRST_PAUSE
from tieline_webhooks.domain.retries import LONGEST_ASKED_WAIT
from tieline_webhooks.handlers.pace import Paces, Sends

from tests.unit.webhooks.domain.test_deliveries import a_delivery


class Pacing:
    """Paces on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.paces = Paces(lambda: self.now)

    def send(self, delivery: Delivery, outcome: Outcome) -> None:
        """Wait until it may be sent, and note how it ended."""
        self.now += self.paces.wait(delivery)
        self.paces.take(delivery)
        self.paces.note(delivery, outcome)


HERE = a_delivery(channel="discord", channel_id="1")
ELSEWHERE = a_delivery(channel="discord", channel_id="2")


def test_a_rate_limit_holds_its_destination_and_no_other() -> None:
    pacing = Pacing()

    pacing.send(HERE, RateLimited(retry_after=timedelta(seconds=40)))

    assert pacing.paces.wait(HERE) == 40.0
    assert pacing.paces.wait(ELSEWHERE) == 0.0


def test_a_rate_limit_of_the_account_holds_all_its_destinations() -> None:
    pacing = Pacing()

    pacing.send(HERE, RateLimited(retry_after=timedelta(seconds=40), account=True))

    assert pacing.paces.wait(ELSEWHERE) == 40.0
    assert pacing.paces.wait(a_delivery(workspace_id="w2", channel="discord", channel_id="2")) == 0.0


@pytest.mark.parametrize(
    "outcome",
    [
        RateLimited(retry_after=timedelta(days=4000)),
        Failed(detail="503", retry_after=timedelta(days=4000)),
        Delivered(pause=timedelta(days=4000)),
    ],
)
def test_nobody_holds_a_destination_for_ever(outcome: Outcome) -> None:
    pacing = Pacing()

    pacing.send(HERE, outcome)

    assert pacing.paces.wait(HERE) == LONGEST_ASKED_WAIT.total_seconds()


def test_a_failure_that_asks_for_a_wait_holds_its_destination() -> None:
    pacing = Pacing()

    pacing.send(HERE, Failed(detail="503", retry_after=timedelta(minutes=3)))

    assert pacing.paces.wait(HERE) == 180.0


def test_a_destination_that_fails_is_left_alone_and_no_other() -> None:
    pacing = Pacing()

    for _ in range(FAILURES_TO_OPEN):
        pacing.send(HERE, Failed(detail="500"))

    assert pacing.paces.wait(HERE) == FIRST_PAUSE
    assert pacing.paces.wait(ELSEWHERE) == 0.0
    assert pacing.paces.breakers() == {"open": 1, "probing": 0}
    assert not pacing.paces.stays_down(HERE.destination)


def test_a_probe_that_fails_keeps_it_closed_for_longer_and_one_that_succeeds_opens_it() -> None:
    pacing = Pacing()
    for _ in range(FAILURES_TO_OPEN + 1):
        pacing.send(HERE, Failed(detail="500"))

    stays_down, wait = pacing.paces.stays_down(HERE.destination), pacing.paces.wait(HERE)
    pacing.send(HERE, Delivered(message_id="m1"))

    assert (stays_down, wait) == (True, FIRST_PAUSE * 2)
    assert pacing.paces.wait(HERE) == 0.0
    assert pacing.paces.breakers() == {"open": 0, "probing": 0}


def test_what_is_wrong_with_one_message_says_nothing_of_the_destination() -> None:
    pacing = Pacing()

    for _ in range(FAILURES_TO_OPEN * 2):
        pacing.send(HERE, Blocked(reason=Parked.NOT_CONFIGURED))

    assert pacing.paces.breakers() == {"open": 0, "probing": 0}


async def test_one_account_leaves_room_for_others() -> None:
    sends = Sends(4, 3, fails=lambda _: False)
    hanging = [a_delivery(channel_id=f"C{number}") for number in range(5)]
    other = a_delivery(workspace_id="w2")

    async with AsyncExitStack() as stack:
        for each in hanging[:3]:
            await stack.enter_async_context(sends.one(each))
        fourth = asyncio.create_task(stack.enter_async_context(sends.one(hanging[3])))
        async with asyncio.timeout(5), sends.one(other):  # would wait for ever if the fourth had taken the last place
            assert not fourth.done()
        fourth.cancel()


async def test_destinations_that_failed_leave_room_for_the_same_accounts_others() -> None:
    sends = Sends(8, 4, fails=lambda delivery: delivery.channel_id.startswith("DOWN"))
    down = [a_delivery(channel_id=f"DOWN{number}") for number in range(4)]

    async with AsyncExitStack() as stack:
        for each in down[:2]:
            await stack.enter_async_context(sends.one(each))
        third = asyncio.create_task(stack.enter_async_context(sends.one(down[2])))
        async with asyncio.timeout(5), sends.one(a_delivery(channel_id="C1")), sends.one(a_delivery(channel_id="C2")):
            assert not third.done()
        third.cancel()


def test_a_destination_fails_until_it_takes_something() -> None:
    pacing = Pacing()

    before = pacing.paces.fails(HERE)
    pacing.send(HERE, Failed(detail="500"))
    failed, elsewhere = pacing.paces.fails(HERE), pacing.paces.fails(ELSEWHERE)
    pacing.send(HERE, Delivered(message_id="m1"))

    assert (before, failed, elsewhere, pacing.paces.fails(HERE)) == (False, True, False, False)
