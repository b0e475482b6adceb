"""How fast one key may ask: a token bucket per key, in memory, bounded."""

from collections import OrderedDict

MOST_KEYS = 10_000


class RateLimiter:
    """Token buckets by key: `burst` requests at once, refilled at `per_second`. Not shared between replicas."""

    def __init__(self, *, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, *, now: float) -> float | None:
        """Take one token: None when there was one, else the seconds until there is. `now` is a monotonic clock."""
        tokens, at = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        wait = None if tokens >= 1.0 else (1.0 - tokens) / self._per_second
        self._buckets[key] = (tokens - 1.0 if wait is None else tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return wait
