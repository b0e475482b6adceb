"""Starting what needs a dependency that may still be away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiokafka.errors import KafkaError
from tieline.errors import TransientError

FIRST_WAIT = timedelta(milliseconds=200)
LONGEST_WAIT = timedelta(seconds=10)

log = logging.getLogger(__name__)


async def start_when_possible(name: str, start: Callable[[], Awaitable[object]]) -> None:
    """Call `start` until it succeeds, waiting longer each time, capped."""
    wait = FIRST_WAIT
    while True:
        try:
            await start()
        except (TransientError, KafkaError, OSError) as error:
            log.warning("waiting to start", extra={"what": name, "reason": str(error)})
            await asyncio.sleep(wait.total_seconds())
            wait = min(wait * 2, LONGEST_WAIT)
        else:
            return
