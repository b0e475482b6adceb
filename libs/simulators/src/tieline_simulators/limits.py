"""A limit on calls for each channel, such as the platforms publish: so many in so many seconds."""

from collections import OrderedDict
from dataclasses import dataclass

MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one call found. `reset_after` is the time until the window ends, in seconds."""

    allowed: bool
    remaining: int
    reset_after: float


class Window:
    """Counts calls by key in fixed windows; the 10,000 keys used last are remembered."""

    def __init__(self, *, requests: int, seconds: float) -> None:
        self.requests = requests
        self.seconds = seconds
        self._opened: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now: float) -> Allowance:
        """Count a call if there is room for it."""
        opened, used = self._window(key, now)
        allowed = used < self.requests
        self._opened[key] = (opened, used + allowed)
        self._opened.move_to_end(key)
        if len(self._opened) > MAX_KEYS:
            self._opened.popitem(last=False)
        return Allowance(allowed, self.requests - used - allowed, opened + self.seconds - now)

    def state(self, key: str, now: float) -> Allowance:
        """Return what the next call would find, without counting one."""
        opened, used = self._window(key, now)
        return Allowance(used < self.requests, self.requests - used, opened + self.seconds - now)

    def _window(self, key: str, now: float) -> tuple[float, int]:
        opened, used = self._opened.get(key, (now, 0))
        return (now, 0) if now - opened >= self.seconds else (opened, used)
