"""Runs one stack: starts its programs, waits until they are ready, watches them, stops them in order.

Whatever happens, a started program is stopped: services first, while the broker is there to take their last records and
commits, then the stores, which save as they stop.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TypeVar

from tieline_cli.errors import NotReadyError, ProgramStoppedError
from tieline_cli.processes.child import Child, stop, stop_recorded
from tieline_cli.processes.identity import ProcessIdentity
from tieline_cli.processes.program import Program
from tieline_cli.stack import logs
from tieline_cli.stack.files import locked
from tieline_cli.stack.layout import DataDir
from tieline_cli.stack.state import StackState

Tell = Callable[[str], None]
"""Shows one line to the person."""

Result = TypeVar("Result")

START_SECONDS = 60.0
"""How long a group of programs may take to become ready; a cold start on a slow laptop takes about a third."""

STOP_SECONDS = 45.0
"""How long stopping takes at most: the longest grace of the services, then of the simulators, then of the stores."""

LEFTOVER_SECONDS = 15.0
_TICK_SECONDS = 0.05
_ROTATE_SECONDS = 10.0
_SHOWN_LINES = 12


class StopRequested(Exception):  # noqa: N818 - a request, not an error
    """Ctrl-C, SIGTERM or a closed terminal."""


class Supervisor:
    """Holds the folder's lock and its children for as long as `supervising` is entered.

    Use it in the main thread: it takes the process's signals, and its children die with the thread that starts them.
    """

    def __init__(self, folder: DataDir, tell: Tell) -> None:
        self._folder, self.tell = folder, tell
        self._groups: list[list[Child]] = []
        self._stop_asked = False
        self._ready = False

    @contextlib.contextmanager
    def supervising(self) -> Iterator[None]:
        """Take over the folder, and leave it with nothing running. Raises AlreadyRunningError."""
        self._folder.create()
        with locked(self._folder.lock), self._taking_signals():
            stop_leftovers(self._folder, self.tell)
            try:
                self._record()
                yield
            finally:
                self._stop_all()

    def start(self, programs: Sequence[Program]) -> None:
        """Start `programs` side by side and wait until each is ready; they are stopped after those started later.

        Raises ProgramStoppedError, NotReadyError, StopRequested.
        """
        group: list[Child] = []
        self._groups.append(group)
        for program in programs:
            log = self._folder.log_of(program.name)
            logs.begin(log)
            group.append(Child(program, log))
            self._record()
        self._wait_until_ready(programs)

    def run_aside(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, while children and signals are watched.

        Raises what `work` raises, or ProgramStoppedError or StopRequested at once, leaving `work` behind.
        """
        results: list[Result] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                results.append(work())
            except Exception as error:  # noqa: BLE001 - handed to the caller below
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        while thread.is_alive():
            self._tick()
        if errors:
            raise errors[0]
        return results[0]

    def announce_ready(self) -> None:
        """Let other commands know that everything answers."""
        self._ready = True
        self._record()

    def watch(self) -> None:
        """Return when asked to stop. Raises ProgramStoppedError when a program ends by itself."""
        rotate_at = time.monotonic()
        with contextlib.suppress(StopRequested):
            while True:
                self._tick()
                if time.monotonic() >= rotate_at:
                    rotate_at = time.monotonic() + _ROTATE_SECONDS
                    for child in self._children():
                        logs.rotate(child.log)

    def _wait_until_ready(self, programs: Sequence[Program]) -> None:
        began = time.monotonic()
        waiting = {program.name: program for program in programs}
        missing: dict[str, str] = {}
        while waiting:
            self._tick()
            for name, program in list(waiting.items()):
                reason = program.ready()
                if reason is not None:
                    missing[name] = reason
                    continue
                del waiting[name]
                missing.pop(name, None)
                ports = sorted(program.ports.values())
                shown = f"port {ports[0]}" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]}"
                self.tell(f"  {name:<15} ready after {time.monotonic() - began:4.1f} s on {shown}")
            if time.monotonic() - began > START_SECONDS and waiting:
                raise NotReadyError(missing, seconds=START_SECONDS)

    def _tick(self) -> None:
        """Pause a moment. Raises StopRequested or ProgramStoppedError when there is a reason to go no further."""
        if self._stop_asked:
            raise StopRequested
        for child in self._children():
            code = child.exit_code()
            if code is not None:
                raise ProgramStoppedError(
                    child.name,
                    code=code,
                    when="while running" if self._ready else "during the start",
                    last_lines=logs.last_lines(child.log, _SHOWN_LINES, child.program.noise),
                    log=child.log,
                )
        time.sleep(_TICK_SECONDS)

    def _stop_all(self) -> None:
        if any(child.exit_code() is None for child in self._children()):
            self.tell("Stopping…")
        for group in reversed(self._groups):
            for name in stop(group):
                self.tell(f"  {name} did not stop in time and was killed")
        self._groups.clear()
        _forget(self._folder)

    def _children(self) -> Iterator[Child]:
        for group in self._groups:
            yield from group

    def _record(self) -> None:
        StackState(
            supervisor=ProcessIdentity.of(os.getpid()),
            children={child.name: child.identity for child in self._children()},
            ready=self._ready,
        ).save(self._folder)

    @contextlib.contextmanager
    def _taking_signals(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked = True


def stop_leftovers(folder: DataDir, tell: Tell) -> list[str]:
    """Stop what a supervisor that died left running, services before stores; return the names. Hold the lock."""
    state = StackState.find(folder)
    left = state.leftovers() if state is not None else {}
    if left:
        tell(f"Stopping what an earlier start left running: {', '.join(left)}")
    stores = [child for name, child in left.items() if name in {"kafka", "mongo"}]
    stop_recorded([child for child in left.values() if child not in stores], LEFTOVER_SECONDS)
    stop_recorded(stores, LEFTOVER_SECONDS)
    _forget(folder)
    return list(left)


def _forget(folder: DataDir) -> None:
    folder.endpoints.unlink(missing_ok=True)
    folder.state.unlink(missing_ok=True)
