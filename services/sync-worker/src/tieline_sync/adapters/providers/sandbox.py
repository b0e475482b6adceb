"""Evaluates what tenants have written in processes with limits, a few of them, started when first needed.

Of one workspace a single job is evaluated at a time, so that what it has written can run on without holding up others.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from tieline.errors import TransientError

from tieline_sync.adapters.providers.sandbox_child import LARGEST_ANSWER, LENGTH_BYTES
from tieline_sync.domain.pipeline.stages import answer_stages, is_plain
from tieline_sync.domain.providers.errors import NotConfiguredError, Problem

PROCESSES = 2
MOST_WAITING = 1024
MOST_WAITING_OF_ONE = 256  # workspace
START = timedelta(seconds=20)
CPU_TIME = timedelta(seconds=1)
LONGEST_JOB = timedelta(seconds=4)
"""Longer than the CPU time that a job may use, for machines that are busy with other things."""

TOO_DEEP = "is nested too deeply"
MODULE = "tieline_sync.adapters.providers.sandbox_child"

log = logging.getLogger(__name__)


class SandboxBusyError(TransientError):
    """More jobs wait than may; come back later."""


@dataclass(slots=True)
class _Turns:
    """Of one workspace: whose turn it is, and how many wait."""

    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class _Lost(Exception):  # noqa: N818 - caught in this module only
    """The process has ended, or had to be ended."""


class Sandbox:
    """A small pool of processes. `close` ends them. `cpu_time` is what one job may use."""

    def __init__(self, processes: int = PROCESSES, *, cpu_time: timedelta = CPU_TIME) -> None:
        self._cpu_time = cpu_time
        self._idle: list[_Child] = []
        self._free = asyncio.Semaphore(processes)
        self._waiting = 0
        self._turns: dict[str, _Turns] = {}
        self._all: set[_Child] = set()

    async def check(self, schema: Mapping[str, Any], params: Mapping[str, Any], *, whose: str) -> list[Problem]:
        """Return what is wrong with `params`. Raises NotConfiguredError for a schema that is none, SandboxBusyError."""
        if not schema:
            return []
        answer = await self._evaluated({"kind": "check", "schema": schema, "params": params}, "input_schema", whose)
        return [Problem(tuple(path), message) for path, message in answer["problems"]]

    async def respond(self, value: Any, settings: Mapping[str, Any], *, whose: str) -> dict[str, Any]:
        """Return what the stages make of an answer, with the error that stopped them. Raises SandboxBusyError."""
        try:
            if is_plain(settings):
                return answer_stages(value, settings)
            job = {"kind": "respond", "value": value, "settings": settings}
            return await self._evaluated(job, "the result", whose)
        except (NotConfiguredError, RecursionError, orjson.JSONEncodeError) as error:
            words = str(error) if isinstance(error, NotConfiguredError) else f"the result {TOO_DEEP}"
            return {"after_filter": None, "after_mapping": None, "final_result": None, "error": words}

    async def close(self) -> None:
        """End all processes."""
        for child in list(self._all):
            await child.end()
        self._all.clear()
        self._idle.clear()

    async def _evaluated(self, job: Mapping[str, Any], what: str, whose: str) -> dict[str, Any]:
        try:
            frame = orjson.dumps(job)
        except orjson.JSONEncodeError as error:
            raise NotConfiguredError(f"{what} {TOO_DEEP}") from error
        async with self._turn(whose):
            answer = await self._answered(frame, what, whose)
        if "exceeded" in answer:
            raise NotConfiguredError(f"{what} {answer['exceeded']}")
        if "failed" in answer:
            raise NotConfiguredError(answer["failed"])
        return answer

    @asynccontextmanager
    async def _turn(self, whose: str) -> AsyncIterator[None]:
        """Wait for a process that this workspace may use. Raises SandboxBusyError."""
        turns = self._turns.setdefault(whose, _Turns())
        if self._waiting >= MOST_WAITING or turns.waiting >= MOST_WAITING_OF_ONE:
            raise SandboxBusyError(f"{turns.waiting} evaluations of this workspace wait already")
        self._waiting += 1
        turns.waiting += 1
        try:
            async with turns.one_at_a_time, self._free:
                yield
        finally:
            self._waiting -= 1
            turns.waiting -= 1
            if not turns.waiting:
                del self._turns[whose]

    async def _answered(self, frame: bytes, what: str, whose: str) -> dict[str, Any]:
        child = self._taken(whose) or await self._started()
        try:
            answer: dict[str, Any] = orjson.loads(await child.ask(whose.encode(), frame))
        except _Lost:
            log.warning("a sandbox process ran into its limits")
            raise NotConfiguredError(f"{what} takes too long, or too much memory") from None
        finally:
            if child.is_fit:
                self._idle.append(child)
            else:
                self._all.discard(child)
                await child.end()
        return answer

    def _taken(self, whose: str) -> "_Child | None":
        """Return an idle process, one that has just worked for the same workspace if there is."""
        if not self._idle:
            return None
        child = next((each for each in self._idle if each.whose == whose), self._idle[-1])
        self._idle.remove(child)
        child.whose = whose
        return child

    async def _started(self) -> "_Child":
        child = await _Child.start(self._cpu_time)
        self._all.add(child)
        return child


class _Child:
    """One process. Not fit any more once a job has not come to its end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.is_fit = True
        self.whose = ""

    @classmethod
    async def start(cls, cpu_time: timedelta) -> "_Child":
        """Return a process that is ready. Raises SandboxBusyError when it does not start."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            MODULE,
            str(cpu_time.total_seconds()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        child = cls(process)
        try:
            async with asyncio.timeout(START.total_seconds()):
                await child._frame()
        except (TimeoutError, _Lost, asyncio.CancelledError) as error:
            await child.end()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise SandboxBusyError("the sandbox did not start") from error
        return child

    async def ask(self, whose: bytes, job: bytes) -> bytes:
        """Return the answer to a workspace's job. Raises _Lost."""
        self.is_fit = False
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - asked for at the start
        try:
            async with asyncio.timeout(LONGEST_JOB.total_seconds()):
                for frame in (whose, job):
                    stdin.write(len(frame).to_bytes(LENGTH_BYTES, "big") + frame)
                await stdin.drain()
                answer = await self._frame()
        except (TimeoutError, OSError) as error:
            raise _Lost from error
        self.is_fit = True
        return answer

    async def _frame(self) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - asked for at the start
        try:
            length = int.from_bytes(await stdout.readexactly(LENGTH_BYTES), "big")
            if length > LARGEST_ANSWER:
                raise _Lost
            return await stdout.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise _Lost from error

    async def end(self) -> None:
        """End the process."""
        self.is_fit = False
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                return
            await self._process.wait()
