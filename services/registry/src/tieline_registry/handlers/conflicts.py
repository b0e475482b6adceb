"""Two registries that change the same workspace at the same time: the slower one loads and decides again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from tieline_registry.handlers.ports import ConflictError

MOST_CONFLICTS: Final = 20
LONGEST_WAIT: Final = timedelta(milliseconds=50)

ResultT = TypeVar("ResultT")


async def until_no_conflict(attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return the result of `attempt`, repeated after a ConflictError; raises it when there are too many in a row."""
    for _ in range(MOST_CONFLICTS):
        try:
            return await attempt()
        except ConflictError:
            await asyncio.sleep(LONGEST_WAIT.total_seconds() * random.random())
    raise ConflictError("other registries keep changing the same workspaces")
