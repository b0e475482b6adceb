"""How fast this replica sends where: buckets and breakers of the destinations and accounts it knows."""

from collections.abc import Callable
from dataclasses import dataclass

from tieline_webhooks.domain.deliveries import Blocked, Delivered, Delivery, Failed, Outcome, RateLimited, Refused
from tieline_webhooks.domain.rates import ACCOUNT_RATES, CHANNEL_RATES, Breaker, Rate, TokenBucket

MOST_KNOWN = 20_000


@dataclass(slots=True)
class _Pace:
    bucket: TokenBucket
    breaker: Breaker
    not_before: float = 0.0

    def idle(self, now: float) -> bool:
        """Tell whether this is as good as a new one."""
        return self.not_before <= now and self.breaker.idle and self.bucket.full_at(now)


class Paces:
    """What is known is forgotten when it says no more than a fresh start would."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[str, _Pace] = {}

    def wait(self, delivery_destination: str, channel: str, workspace_id: str) -> float:
        """Return the seconds until something may be sent to a destination; 0 when it may now."""
        now = self._monotonic()
        waits = []
        for pace in self._of(delivery_destination, channel, workspace_id, now):
            waits += [pace.not_before - now, pace.breaker.wait(now), pace.bucket.wait(now)]
        return max(0.0, *waits)

    def take(self, destination: str, channel: str, workspace_id: str) -> None:
        """Count one message that is about to be sent."""
        now = self._monotonic()
        for pace in self._of(destination, channel, workspace_id, now):
            pace.bucket.take(now)

    def breakers(self) -> dict[str, int]:
        """Return how many destinations are left alone for now (`open`), or tried with one message (`probing`)."""
        now = self._monotonic()
        troubled = [pace.breaker for pace in self._known.values() if pace.breaker.probing]
        closed = sum(breaker.wait(now) > 0 for breaker in troubled)
        return {"open": closed, "probing": len(troubled) - closed}

    def stays_down(self, destination: str) -> bool:
        """Tell whether the destination has been failing for a while and is left alone."""
        known = self._known.get(destination)
        return known is not None and known.breaker.stays_open and known.breaker.wait(self._monotonic()) > 0

    def note(self, delivery: Delivery, outcome: Outcome) -> None:
        """Learn from how an attempt ended."""
        now = self._monotonic()
        own, account = self._of(delivery.destination, delivery.channel, delivery.workspace_id, now)
        match outcome:
            case Delivered():
                own.breaker.succeeded()
                if outcome.pause is not None:
                    own.not_before = now + outcome.pause.total_seconds()
            case RateLimited():
                held = account if outcome.account else own
                held.not_before = now + outcome.retry_after.total_seconds()
            case Failed():
                own.breaker.failed(now)
            case Refused() | Blocked():
                own.breaker.succeeded()
            case _:
                pass

    def _of(self, destination: str, channel: str, workspace_id: str, now: float) -> tuple[_Pace, _Pace]:
        account = f"{workspace_id}:{channel}"
        return self._get(destination, CHANNEL_RATES[channel], now), self._get(account, ACCOUNT_RATES[channel], now)

    def _get(self, key: str, rate: Rate, now: float) -> _Pace:
        pace = self._known.get(key)
        if pace is None:
            if len(self._known) >= MOST_KNOWN:
                self._known = {each: kept for each, kept in self._known.items() if not kept.idle(now)}
            pace = self._known[key] = _Pace(TokenBucket(rate, now), Breaker())
        return pace
