"""Starting child processes that can't outlive their purpose, and stopping them in a bounded time.

Children lead their own process groups, so Ctrl-C in a terminal reaches only the supervisor, which stops them in order.
On Linux the kernel also ends them when the thread that started them dies: start children from the main thread.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tieline_cli.processes.identity import ProcessIdentity, send_to_group
from tieline_cli.processes.program import Program

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0
"""How long a killed process may take to vanish; more means that it hangs in the kernel."""


class Child:
    """A started program. Its output goes to `log`."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program, self.log = program, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=program.working_directory,
                env={**os.environ, **program.environment},
                start_new_session=True,
                preexec_fn=_die_with_parent(program.on_parent_death),  # noqa: PLW1509 - children start before threads do
            )
        self.identity = ProcessIdentity.of(self._process.pid)

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self.exit_code() is None:
            send_to_group(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the whole group, also when only stragglers of it are left, and wait for the program's end."""
        send_to_group(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_SECONDS)


def stop(children: Iterable[Child]) -> list[str]:
    """Stop `children` side by side: SIGTERM, their grace, SIGKILL. Return the names of those that had to be killed."""
    remaining = list(children)
    for child in remaining:
        child.ask_to_stop()
    began = time.monotonic()
    killed: list[str] = []
    while remaining:
        for child in list(remaining):
            if child.exit_code() is None and time.monotonic() - began < child.program.grace.total_seconds():
                continue
            if child.exit_code() is None:
                killed.append(child.name)
            child.kill()
            remaining.remove(child)
        if remaining:
            time.sleep(_POLL_SECONDS)
    return killed


def stop_recorded(processes: Iterable[ProcessIdentity], grace_seconds: float) -> None:
    """Stop the process groups of `processes`, which some earlier supervisor started: SIGTERM, grace, SIGKILL."""
    remaining = [process for process in processes if process.is_running()]
    for process in remaining:
        process.send_to_group(signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while (remaining := [process for process in remaining if process.is_running()]) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for process in remaining:
        process.send_to_group(signal.SIGKILL)
    deadline = time.monotonic() + _KILL_SECONDS
    while any(process.is_running() for process in remaining) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_the_kernel
