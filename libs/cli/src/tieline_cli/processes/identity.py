"""A process named so that another one with the same number is never mistaken for it."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_STATE, _START_TIME = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted after the command in parentheses


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A process id and when that process started; ids are reused, the pair is not."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """Return the identity of a living process. Raises ProcessLookupError."""
        started = _started(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(pid=pid, started=started)

    def is_running(self) -> bool:
        """Tell whether this very process still runs; one that waits to be reaped does not."""
        return _started(self.pid) == self.started

    def send_to_group(self, number: signal.Signals) -> None:
        """Signal the process group that this process leads; nothing happens when it is gone."""
        if self.is_running():
            send_to_group(self.pid, number)

    def send(self, number: signal.Signals) -> None:
        """Signal this process alone; nothing happens when it is gone."""
        if self.is_running():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def send_to_group(leader: int, number: signal.Signals) -> None:
    """Signal the process group of `leader`; nothing happens when it has no members left."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return


def _started(pid: int) -> str | None:
    """Return when `pid` started, in whatever unit the system tells it; None when it does not run."""
    if sys.platform != "linux":
        return _started_by_ps(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[_STATE] in {"Z", "X"} else fields[_START_TIME]


def _started_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=5
    ).stdout.strip()
    state, _, started = answer.partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
