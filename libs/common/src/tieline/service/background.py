"""Tasks that live as long as the process: when one ends by an error, the process ends with it."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

CANCEL_AGAIN = timedelta(seconds=5)  # longer than tasks take to put things in order when they are cancelled

log = logging.getLogger(__name__)


async def cancelled(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks and return when all have ended, however they end.

    A task may have to be told again: before Python 3.12 `asyncio.wait_for`, which database drivers use, loses a
    cancellation that comes at the moment its work is done.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN.total_seconds())


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
        await cancelled(self._tasks)
