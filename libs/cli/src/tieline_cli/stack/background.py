"""A stack that outlives the command that started it, and stopping one from another command."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from tieline_cli.errors import CliError, NotReadyError
from tieline_cli.processes.child import stop_recorded
from tieline_cli.processes.identity import ProcessIdentity
from tieline_cli.stack import logs
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.files import is_locked, locked
from tieline_cli.stack.layout import DataDir
from tieline_cli.stack.state import StackState
from tieline_cli.stack.supervisor import START_SECONDS, STOP_SECONDS, Tell, stop_leftovers

SUPERVISOR = "supervisor"
_POLL_SECONDS = 0.05
_BRING_UP_SECONDS = 3 * START_SECONDS  # two groups of programs, and topics and workspace between and after them


class StartFailedError(CliError):
    """The supervisor in the background ended before the stack was ready; it has told why."""


def start(folder: DataDir, arguments: Sequence[str], tell: Tell) -> Endpoints:
    """Start `tieline up` with `arguments` in the background, show what it tells, return once the stack is ready.

    Raises StartFailedError or NotReadyError. Interrupting stops the new supervisor.
    """
    folder.create()
    log = folder.log_of(SUPERVISOR)
    logs.begin(log)
    with log.open("ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "tieline_cli", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _until_ready(folder, supervisor, tell)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            stop_recorded([ProcessIdentity.of(supervisor.pid)], STOP_SECONDS)
        raise


def stop(folder: DataDir, tell: Tell) -> bool:
    """Stop the folder's stack, or what a supervisor that died left of it. Return False when nothing was running.

    Raises AlreadyRunningError when another command starts the stack again in the same moment.
    """
    state = StackState.find(folder)
    if state is None:
        return False
    was_running = state.supervisor.is_running()
    if was_running:
        tell(f"Stopping the stack in {folder.root}…")
        state.supervisor.send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while state.supervisor.is_running() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        state.supervisor.send(signal.SIGKILL)
    with locked(folder.lock):
        left = stop_leftovers(folder, tell)
    return was_running or bool(left)


def find_ready(folder: DataDir) -> Endpoints | None:
    """Return the endpoints of the stack that runs in `folder`; None when there is none, or it is not ready."""
    state = StackState.find(folder)
    if state is None or not state.ready or not is_locked(folder.lock):
        return None
    return Endpoints.find(folder)


def _until_ready(folder: DataDir, supervisor: "subprocess.Popen[bytes]", tell: Tell) -> Endpoints:
    log = folder.log_of(SUPERVISOR)
    shown = 0
    deadline = time.monotonic() + _BRING_UP_SECONDS
    while time.monotonic() < deadline:
        ended = supervisor.poll() is not None
        endpoints = None if ended else _ready(folder, supervisor.pid)
        shown = _show_new(log.read_text(encoding="utf-8", errors="replace"), shown, tell)
        if endpoints is not None:
            return endpoints
        if ended:
            raise StartFailedError("the stack did not start, see above")
        time.sleep(_POLL_SECONDS)
    raise NotReadyError({SUPERVISOR: f"see {log}"}, seconds=_BRING_UP_SECONDS)


def _ready(folder: DataDir, supervisor: int) -> Endpoints | None:
    state = StackState.find(folder)
    if state is None or not state.ready or state.supervisor.pid != supervisor:
        return None
    return Endpoints.find(folder)


def _show_new(text: str, shown: int, tell: Tell) -> int:
    """Tell the whole lines of `text` after character `shown`; return how far that came."""
    end = text.rfind("\n") + 1
    for line in text[shown:end].splitlines():
        tell(line)
    return max(shown, end)
