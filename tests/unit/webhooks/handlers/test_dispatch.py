"""Who gets a lane."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from tieline_webhooks.domain.lanes import Lease
from tieline_webhooks.handlers.dispatch import Dispatcher
from tieline_webhooks.handlers.pace import Paces

NOW = datetime(2026, 3, 21, 14, 5, tzinfo=UTC)


class HeldLanes:
    """Leases that nobody gets before the test lets them go."""

    def __init__(self) -> None:
        self.asked_for: list[str] = []
        self.let_go = asyncio.Event()

    async def take(self, destination: str, *, token: str, now: datetime) -> Lease | None:
        self.asked_for.append(destination)
        await self.let_go.wait()
        return None

    async def extend(self, leases: Sequence[Lease], *, now: datetime) -> set[str]:
        return set()

    async def give_back(self, leases: Sequence[Lease]) -> None:
        pass

    async def waiting(self, *, now: datetime, except_for: Collection[str], limit: int) -> list[str]:
        return []


async def test_one_account_leaves_lanes_for_others() -> None:
    lanes = HeldLanes()
    dispatcher = Dispatcher(
        lanes=lanes,
        deliveries=None,  # type: ignore[arg-type]  # no lane gets so far
        deliver=None,  # type: ignore[arg-type]
        paces=Paces(lambda: 0.0),
        clock=lambda: NOW,
        new_token=lambda: "t",
        lease=timedelta(seconds=20),
        longest_send=timedelta(seconds=1),
        most_lanes=8,
    )
    running = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(0)

    dispatcher.wake([f"w1:slack:C{number}" for number in range(10)])
    dispatcher.wake(["w2:slack:C1", "w1:discord:1"])
    await asyncio.sleep(0)
    first = set(lanes.asked_for)
    lanes.let_go.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    dispatcher.wake(["w1:slack:C9"])
    await asyncio.sleep(0)

    assert first == {"w1:slack:C0", "w1:slack:C1", "w2:slack:C1", "w1:discord:1"}
    assert "w1:slack:C9" in lanes.asked_for  # there is room again
    running.cancel()
