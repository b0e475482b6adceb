"""Who sends what when: a lane per destination with something to send, held by a lease, one delivery after the other.

A lane is opened when an event was routed here, when its next retry is due, or when a look at the database finds a
destination nobody looks after (its replica died, or it was routed elsewhere). A lane that has nothing left to do
lingers for a moment and is given back. Destinations do not wait for each other: each lane is a task of its own.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import Context
from datetime import timedelta

from tieline.clock import Clock
from tieline.errors import TransientError

from tieline_webhooks.domain.deliveries import Delivery, State, account_of
from tieline_webhooks.domain.lanes import Lease
from tieline_webhooks.handlers.deliver import Deliver, LeaseLostError
from tieline_webhooks.handlers.pace import Paces
from tieline_webhooks.ports import Deliveries, Due, Lanes

LOOK_SECONDS = 3.0
LINGER_SECONDS = 1.0
BATCH = 50
MOST_LANES = 2_000
SHARES_OF_LANES = 4  # an account has at most a quarter of them: destinations that are down keep theirs
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
LONGEST_HOLD = 5.0  # what was read longer ago is read again before it is sent
LONGEST_TIMER = 120.0  # retries further away are found by the look at the database

log = logging.getLogger(__name__)


class Dispatcher:
    """Runs the lanes. `run` must be running; `stop` lets the attempts in hand finish."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        deliveries: Deliveries,
        deliver: Deliver,
        paces: Paces,
        clock: Clock,
        new_token: Callable[[], str],
        lease: timedelta,
        longest_send: timedelta,
        most_lanes: int = MOST_LANES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts; no send is begun with less than `longest_send`, how long it may take, left of the lease."""
        self._lanes = lanes
        self._deliveries = deliveries
        self._paces = paces
        self._clock = clock
        self._new_token = new_token
        self._lease_seconds = lease.total_seconds()
        self._longest_send = longest_send.total_seconds()
        self._monotonic = monotonic
        self._most_lanes = most_lanes
        self._lanes_of_account: Counter[str] = Counter()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._leases: dict[str, Lease] = {}
        self._until: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._deliver = deliver
        self._running = False
        self._stopping = asyncio.Event()

    def wake(self, destinations: Iterable[str]) -> None:
        """Look at these destinations soon. Where no lanes are run, somebody else will look."""
        if not self._running or self._stopping.is_set():
            return
        for destination in destinations:
            event = self._wakes.get(destination)
            if event is not None:
                event.set()
            elif self._has_room_for(destination):
                self._wakes[destination] = asyncio.Event()
                self._lanes_of_account[account_of(destination)] += 1
                # In a context of its own: a lane is no part of whatever happened to wake it.
                self._tasks[destination] = asyncio.create_task(
                    self._lane(destination), name=f"lane {destination}", context=Context()
                )

    def _has_room_for(self, destination: str) -> bool:
        """Tell whether one more lane may be opened; what finds no room is found again by a look at the database."""
        share = max(1, self._most_lanes // SHARES_OF_LANES)
        return len(self._tasks) < self._most_lanes and self._lanes_of_account[account_of(destination)] < share

    async def run(self) -> None:
        """Look for neglected destinations and keep the leases, until cancelled."""
        self._running = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            tasks.create_task(self._keep_leases())

    async def stop(self) -> None:
        """Begin nothing more, and return when what is being sent is recorded."""
        self._stopping.set()
        for timer in self._timers.values():
            timer.cancel()
        for event in self._wakes.values():
            event.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _look(self) -> None:
        while True:
            try:
                waiting = await self._lanes.waiting(
                    now=self._clock(), except_for=set(self._tasks), limit=self._most_lanes
                )
                self.wake(waiting)
            except TransientError as error:
                log.warning("cannot look for deliveries", extra={"reason": str(error)})
            await asyncio.sleep(LOOK_SECONDS)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 4)
            leases = list(self._leases.values())
            if not leases:
                continue
            asked_at = self._monotonic()
            try:
                kept = await self._lanes.extend(leases, now=self._clock())
            except TransientError as error:
                log.warning("cannot keep the leases", extra={"reason": str(error)})
                continue
            for lease in leases:
                if lease.token in self._until:
                    self._until[lease.token] = asked_at + self._lease_seconds if lease.token in kept else 0.0

    async def _lane(self, destination: str) -> None:
        try:
            asked_at = self._monotonic()
            lease = await self._lanes.take(destination, token=self._new_token(), now=self._clock())
            if lease is None:
                return
            self._leases[destination] = lease
            self._until[lease.token] = asked_at + self._lease_seconds
            try:
                await self._send_all(destination, lease)
            finally:
                del self._leases[destination]
                del self._until[lease.token]
                await self._lanes.give_back([lease])
        except LeaseLostError:
            log.info("a destination was taken over", extra={"destination": destination})
        except TransientError as error:
            log.warning("a lane stops for now", extra={"destination": destination, "reason": str(error)})
        except Exception:  # the outermost loop: other destinations go on
            log.exception("a lane failed", extra={"destination": destination})
        finally:
            del self._tasks[destination]
            del self._wakes[destination]
            self._lanes_of_account -= Counter([account_of(destination)])  # forgets those that have none

    async def _send_all(self, destination: str, lease: Lease) -> None:
        """Send what is due until nothing is for a while."""
        wake = self._wakes[destination]
        lingered = False
        while not self._stopping.is_set():
            wake.clear()
            batch = await self._deliveries.due(destination, now=self._clock(), limit=BATCH)
            for due in batch:
                if not await self._sent(due, lease):
                    break  # for now: look again what is due
            if batch:
                lingered = False
                continue
            if lingered:
                return
            lingered = not await _set_within(wake, LINGER_SECONDS)

    async def _sent(self, due: Due, lease: Lease) -> bool:
        """Attempt one delivery when its destination bears it; False, a while later, when it does not bear it soon."""
        delivery = due.delivery
        while (wait := self._paces.wait(delivery)) > 0:
            if self._paces.stays_down(delivery.destination):
                fallback = await self._deliver.fall_back(due, lease)
                if fallback is not None:
                    self.wake([fallback.destination])
                    return True
            if await _set_within(self._stopping, min(wait, LONGEST_HOLD)) or wait > LONGEST_HOLD:
                return False
        if self._stopping.is_set():
            return False
        self._paces.take(delivery)
        attempted = await self._deliver(due, lease, may_send=lambda: self._may_send(lease))
        self._paces.note(delivery, attempted.outcome)
        if attempted.taken_over_by is not None:
            self.wake([attempted.taken_over_by.destination])
        self._set_timer(attempted.delivery)
        return True

    def _may_send(self, lease: Lease) -> bool:
        return self._monotonic() + self._longest_send < self._until.get(lease.token, 0.0)

    def _set_timer(self, delivery: Delivery) -> None:
        """Come back when a retry is due, if that is soon."""
        if delivery.state is not State.PENDING:
            return
        wait = (delivery.due - self._clock()).total_seconds()
        timer = self._timers.get(delivery.destination)
        loop = asyncio.get_running_loop()
        if wait > LONGEST_TIMER or (timer is not None and timer.when() <= loop.time() + wait):
            return
        if timer is not None:
            timer.cancel()
        self._timers[delivery.destination] = loop.call_later(wait, self._on_timer, delivery.destination)

    def _on_timer(self, destination: str) -> None:
        self._timers.pop(destination, None)
        self.wake([destination])


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event for so long at most; tell whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
