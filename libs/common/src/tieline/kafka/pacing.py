"""Pauses that aiokafka does not make.

Kafka holds a fetch until there is data or `fetch_max_wait_ms` has passed. A broker that does not (the embedded one) is
asked again at once by aiokafka, thousands of times a second for each consumer, which costs a quarter of a core. After
an empty answer that came too quickly we wait, longer each time while nothing comes. An empty answer of a broker that
holds its fetches comes after the longest pause, so nothing changes there.

A producer that has something to send and knows no leader to send it to asks for the brokers again at once, too, while
they are away more than a thousand times a second with two lines in the log each time. We wait between two questions.
"""

import asyncio
import contextlib
import time
from typing import Any
from weakref import WeakKeyDictionary

from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher

FIRST_PAUSE = 0.001  # seconds, as all of these
LONGEST_PAUSE = 0.016  # half of it is what an idle consumer adds to a record's way on such a broker

FIRST_WAIT = 0.02
LONGEST_WAIT = 0.5  # so late a broker may be noticed that is back

_pauses: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
_waits: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()
"""When a client may ask for the brokers next, and how long it waited before."""

_fetch: Any = Fetcher._proc_fetch_request  # noqa: SLF001 - aiokafka has no hook here
_update: Any = AIOKafkaClient._metadata_update  # noqa: SLF001 - nor here


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


async def _paced_update(self: Any, cluster: Any, topics: Any) -> Any:
    not_before, wait = _waits.get(self, (0.0, FIRST_WAIT))
    await asyncio.sleep(max(0.0, not_before - time.monotonic()))
    updated = await _update(self, cluster, topics)
    wait = FIRST_WAIT if updated else min(wait * 2, LONGEST_WAIT)
    _waits[self] = (time.monotonic() + wait, wait)
    return updated


def pace_clients() -> None:
    """Make all clients of this process pause as described. Safe to repeat."""
    Fetcher._proc_fetch_request = _paced_fetch  # type: ignore[method-assign]  # noqa: SLF001 - see above
    AIOKafkaClient._metadata_update = _paced_update  # type: ignore[method-assign]  # noqa: SLF001 - see above
