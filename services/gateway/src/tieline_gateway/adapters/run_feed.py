"""The latest events of one run, shared by all clients that follow it in this process.

Every client keeps only its place, the offset it wants next. The feed is a window over the run's events, bounded in
length: a client that falls behind it is dropped, and can resume by the id of the last frame it got.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tieline.contracts.sync import RunAttached, RunCompleted, RunFailed, RunProgress, RunQueued

RunAnyEvent = RunQueued | RunAttached | RunProgress | RunCompleted | RunFailed

MOST_EVENTS = 4096  # about 2 MB of events of ten records each
TRIMMED_AT_ONCE = 256


@dataclass(slots=True)
class Entry:
    """An event and where it stands in the topic. `frame` is set when it is encoded for the first client."""

    partition: int
    offset: int
    event: RunAnyEvent
    frame: bytes | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Return the id of the event's frame: `<partition>-<offset>`."""
        return f"{self.partition}-{self.offset}"

    @property
    def is_last(self) -> bool:
        """Say whether the run ends with this event."""
        return isinstance(self.event, RunCompleted | RunFailed)


class RunFeed:
    """One run's events from some offset on. `ended` is set when this process stops serving streams."""

    def __init__(self, positions: Mapping[int, int], release: Callable[[], None]) -> None:
        self._covered_from = dict(positions)
        self._release = release
        self._entries: list[Entry] = []
        self._offsets: list[int] = []
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._followers = 0
        self.ended = False
        self.filling = asyncio.Lock()

    def __enter__(self) -> "RunFeed":
        self._followers += 1
        return self

    def __exit__(self, *_error: object) -> None:
        self._followers -= 1
        if not self._followers:
            self._release()

    def covered_from(self, partition: int) -> int:
        """Return the offset from which on all of the run's events in `partition` are, or will be, here."""
        return self._covered_from.get(partition, 0)

    def append(self, entry: Entry) -> None:
        """Add the newest event and wake who waits for it."""
        self._entries.append(entry)
        self._offsets.append(entry.offset)
        if len(self._entries) > MOST_EVENTS:
            self._covered_from[entry.partition] = self._offsets[TRIMMED_AT_ONCE - 1] + 1
            del self._entries[:TRIMMED_AT_ONCE]
            del self._offsets[:TRIMMED_AT_ONCE]
        self._wake()

    def prepend(self, entries: list[Entry], partition: int, covered_from: int) -> None:
        """Add all events between `covered_from` and the window, if there is room for them."""
        if len(entries) + len(self._entries) <= MOST_EVENTS:
            self._entries[:0] = entries
            self._offsets[:0] = [entry.offset for entry in entries]
            self._covered_from[partition] = covered_from

    def since(self, offset: int) -> list[Entry]:
        """Return the events at `offset` and after it."""
        return self._entries[bisect_left(self._offsets, offset) :]

    def end(self) -> None:
        """Let all followers go."""
        self.ended = True
        self._wake()

    async def wait(self, longest: timedelta) -> None:
        """Return when there is news, or after `longest`."""
        await asyncio.wait([self._news], timeout=longest.total_seconds())

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        news.set_result(None)
