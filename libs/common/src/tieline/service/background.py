"""Tasks that live as long as the process: when one ends by an error, the process ends with it."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

log = logging.getLogger(__name__)


class BackgroundTasks:
    """Starts tasks and cancels them on exit. A task that fails is logged and stops the process by SIGTERM.

    Failing as a whole is right here: a supervisor restarts the process, while one that lives on without its consumer
    would look healthy and do nothing.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` until it ends or this is left."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a background task failed, stopping", extra={"task": task.get_name()}, exc_info=error)
            os.kill(os.getpid(), signal.SIGTERM)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
