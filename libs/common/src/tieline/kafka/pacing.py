"""A pause after fetches that a broker answers empty at once.

Kafka holds a fetch until there is data or `fetch_max_wait_ms` has passed. A broker that does not (the embedded one) is
asked again at once by aiokafka, thousands of times a second for each consumer, which costs a quarter of a core. After
an empty answer that came too quickly we wait, longer each time while nothing comes. An empty answer of a broker that
holds its fetches comes after the longest pause, so nothing changes there.
"""

import asyncio
import contextlib
import time
from typing import Any
from weakref import WeakKeyDictionary

from aiokafka.consumer.fetcher import Fetcher

FIRST_PAUSE = 0.001  # seconds
LONGEST_PAUSE = 0.016  # seconds; half of it is what an idle consumer adds to a record's way on such a broker

_pauses: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
_fetch: Any = Fetcher._proc_fetch_request  # noqa: SLF001 - aiokafka has no hook here


async def _paced_fetch(self: Any, assignment: Any, node_id: int, request: Any) -> Any:
    began = time.monotonic()
    has_data = await _fetch(self, assignment, node_id, request)
    if has_data:
        _pauses.pop(self, None)
    else:
        pause = _pauses.get(self, FIRST_PAUSE)
        if time.monotonic() - began < LONGEST_PAUSE:
            # aiokafka awaits the fetches it cancels and expects them to end quietly, as its own does.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(pause)
            _pauses[self] = min(pause * 2, LONGEST_PAUSE)
    return has_data


def pace_empty_fetches() -> None:
    """Make all consumers of this process pause as described. Safe to repeat."""
    Fetcher._proc_fetch_request = _paced_fetch  # type: ignore[method-assign]  # noqa: SLF001 - see above
