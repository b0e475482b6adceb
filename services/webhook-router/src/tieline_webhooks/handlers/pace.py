"""How fast this replica sends where: buckets and breakers of the destinations and accounts it knows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

from tieline_webhooks.domain.deliveries import Blocked, Delivered, Delivery, Failed, Outcome, RateLimited, Refused
from tieline_webhooks.domain.rates import ACCOUNT_RATES, Breaker, Rate, TokenBucket, channel_rate
from tieline_webhooks.domain.retries import LONGEST_ASKED_WAIT

MOST_KNOWN = 20_000


@dataclass(slots=True)
class _Pace:
    bucket: TokenBucket
    breaker: Breaker
    not_before: float = 0.0

    def hold(self, asked: timedelta, now: float) -> None:
        """Send nothing for as long as was asked for, within reason."""
        self.not_before = now + min(asked, LONGEST_ASKED_WAIT).total_seconds()

    def idle(self, now: float) -> bool:
        """Tell whether this is as good as a new one."""
        return self.not_before <= now and self.breaker.idle and self.bucket.full_at(now)


class Paces:
    """What is known is forgotten when it says no more than a fresh start would."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[str, _Pace] = {}

    def wait(self, delivery: Delivery) -> float:
        """Return the seconds until something may be sent to a delivery's destination; 0 when it may now."""
        now = self._monotonic()
        waits = []
        for pace in self._of(delivery, now):
            waits += [pace.not_before - now, pace.breaker.wait(now), pace.bucket.wait(now)]
        return max(0.0, *waits)

    def take(self, delivery: Delivery) -> None:
        """Count one message that is about to be sent."""
        now = self._monotonic()
        for pace in self._of(delivery, now):
            pace.bucket.take(now)

    def breakers(self) -> dict[str, int]:
        """Return how many destinations are left alone for now (`open`), or tried with one message (`probing`)."""
        now = self._monotonic()
        troubled = [pace.breaker for pace in self._known.values() if pace.breaker.probing]
        closed = sum(breaker.wait(now) > 0 for breaker in troubled)
        return {"open": closed, "probing": len(troubled) - closed}

    def fails(self, delivery: Delivery) -> bool:
        """Tell whether the last message to a delivery's destination failed for a reason of the destination's."""
        known = self._known.get(delivery.destination)
        return known is not None and not known.breaker.idle

    def stays_down(self, destination: str) -> bool:
        """Tell whether the destination has been failing for a while and is left alone."""
        known = self._known.get(destination)
        return known is not None and known.breaker.stays_open and known.breaker.wait(self._monotonic()) > 0

    def note(self, delivery: Delivery, outcome: Outcome) -> None:
        """Learn from how an attempt ended."""
        now = self._monotonic()
        own, account = self._of(delivery, now)
        match outcome:
            case Delivered():
                own.breaker.succeeded()
                if outcome.pause is not None:
                    own.hold(outcome.pause, now)
            case RateLimited():
                held = account if outcome.account else own
                held.hold(outcome.retry_after, now)
            case Failed():
                own.breaker.failed(now)
                if outcome.retry_after is not None:
                    own.hold(outcome.retry_after, now)
            case Refused() | Blocked():
                own.breaker.succeeded()
            case _:
                pass

    def _of(self, delivery: Delivery, now: float) -> tuple[_Pace, _Pace]:
        own = channel_rate(delivery.channel, delivery.channel_id)
        return (
            self._get(delivery.destination, own, now),
            self._get(delivery.account, ACCOUNT_RATES[delivery.channel], now),
        )

    def _get(self, key: str, rate: Rate, now: float) -> _Pace:
        pace = self._known.get(key)
        if pace is None:
            if len(self._known) >= MOST_KNOWN:
                self._known = {each: kept for each, kept in self._known.items() if not kept.idle(now)}
            pace = self._known[key] = _Pace(TokenBucket(rate, now), Breaker())
        return pace


class _Share:
    """An account's room for messages being sent; half of it is not for destinations that failed last."""

    __slots__ = ("doubtful", "room", "users")

    def __init__(self, most: int) -> None:
        self.room = asyncio.Semaphore(most)
        self.doubtful = asyncio.Semaphore(max(1, most // 2))
        self.users = 0


class Sends:
    """Bounds how many messages are being sent at once: over all, and of one account.

    So the destinations of one tenant, were they all to hang, leave room for everybody else's; and those that were seen
    to fail leave room for the same tenant's others.
    """

    def __init__(self, most: int, most_of_an_account: int, *, fails: Callable[[Delivery], bool]) -> None:
        """Take the bounds; `fails` tells whether a delivery's destination failed last."""
        self._room = asyncio.Semaphore(most)
        self._most_of_an_account = most_of_an_account
        self._fails = fails
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def one(self, delivery: Delivery) -> AsyncIterator[None]:
        """Wait for room for one more message; it is taken until left."""
        share = self._shares.setdefault(delivery.account, _Share(self._most_of_an_account))
        share.users += 1
        try:
            async with share.doubtful if self._fails(delivery) else nullcontext(), share.room, self._room:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[delivery.account]
