"""How fast a destination may be sent to, and when it is left alone. Instants are seconds of a monotonic clock."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` messages at once, then `per_second`."""

    per_second: float
    burst: int


CHANNEL_RATES: Final = {
    "slack": Rate(1.0, 1),  # chat.postMessage: one message per second per channel
    "discord": Rate(1.0, 5),  # 5 per 5 s per channel, as its X-RateLimit headers say
    "telegram": Rate(1.0, 1),  # one message per second per chat
    "whatsapp": Rate(1 / 6, 5),  # Meta's pair rate limit: one per 6 s to a person, more at once on credit
    "webhook": Rate(50.0, 50),  # our own choice: nothing published, a service should bear it
}
TELEGRAM_GROUP: Final = Rate(0.25, 5)  # 20 per minute in a group or channel: no minute sees more than 5 + 15
ACCOUNT_RATES: Final = {
    "slack": Rate(50.0, 50),  # several hundred messages per minute per workspace are allowed
    "discord": Rate(50.0, 50),  # global limit of a bot
    "telegram": Rate(30.0, 30),  # bulk limit of a bot
    "whatsapp": Rate(80.0, 80),  # Cloud API throughput per phone number
    "webhook": Rate(200.0, 200),
}


def channel_rate(channel: str, channel_id: str) -> Rate:
    """Return how fast one destination may be sent to. Telegram's groups and channels have negative ids, or names."""
    if channel == "telegram" and not channel_id.isdecimal():
        return TELEGRAM_GROUP
    return CHANNEL_RATES[channel]


class TokenBucket:
    """Tells how long to wait before the next message. Not shared between processes."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._tokens, self._at = rate, float(rate.burst), now

    def wait(self, now: float) -> float:
        """Return the seconds until a token is there; 0 when one is. Takes nothing."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self._rate.per_second)

    def take(self, now: float) -> None:
        """Take a token; call it when `wait` returned 0."""
        self._refill(now)
        self._tokens -= 1.0

    def full_at(self, now: float) -> bool:
        """Tell whether the bucket is as good as a new one, so that it need not be kept."""
        self._refill(now)
        return self._tokens >= self._rate.burst

    def _refill(self, now: float) -> None:
        self._tokens = min(float(self._rate.burst), self._tokens + (now - self._at) * self._rate.per_second)
        self._at = now


FAILURES_TO_OPEN: Final = 5
FIRST_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 600.0


class Breaker:
    """Leaves a destination alone after failures in a row; then one message probes it.

    While it is open nothing is sent, and no attempt of any delivery is spent on a destination that is down.
    """

    __slots__ = ("_failures", "_open_until", "_pause")

    def __init__(self) -> None:
        self._failures, self._pause, self._open_until = 0, FIRST_PAUSE, 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until the next message may be sent; 0 when it may now."""
        return max(0.0, self._open_until - now)

    @property
    def probing(self) -> bool:
        """Tell whether only one message may be sent now, to see if the destination is back."""
        return self._failures >= FAILURES_TO_OPEN

    @property
    def stays_open(self) -> bool:
        """Tell whether a probe has failed as well, so that the destination has been down for a while."""
        return self._failures > FAILURES_TO_OPEN

    @property
    def idle(self) -> bool:
        """Tell whether nothing has failed lately, so that this breaker need not be kept."""
        return self._failures == 0

    def succeeded(self) -> None:
        """Note that the destination took a message, or refused one for a reason of that message alone."""
        self._failures, self._pause, self._open_until = 0, FIRST_PAUSE, 0.0

    def failed(self, now: float) -> None:
        """Note that the destination did not take a message for a reason of its own."""
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
