"""Local stacks and the `tieline` command for tests: their processes carry a mark, so that none is overlooked."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tieline_cli.processes.ports import free_base
from tieline_cli.processes.program import Program
from tieline_cli.stack import background
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.layout import PORTS_IN_A_ROW, DataDir
from tieline_cli.stack.state import StackState

from tests.support.servers import running

_MARK = "TIELINE_TEST_MARK"
_STACK_SECONDS = 120.0
_COMMAND_SECONDS = 120.0
_EXTERNAL = ("TIELINE_KAFKA__BOOTSTRAP_SERVERS", "TIELINE_MONGO__URL")


class Stack:
    """One data folder and row of ports, and the commands on them. The folder need not hold a running stack."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.folder = DataDir(root=root)
        self.port_base = free_base(PORTS_IN_A_ROW)
        self._mark = uuid.uuid4().hex
        kept = {name: value for name, value in os.environ.items() if name not in _EXTERNAL}
        self.environment = {**kept, **environment, _MARK: self._mark}

    @property
    def endpoints(self) -> Endpoints:
        """Where the running stack is."""
        found = Endpoints.find(self.folder)
        assert found is not None, "the stack is not ready"
        return found

    @property
    def state(self) -> StackState:
        """The processes of the running stack."""
        found = StackState.find(self.folder)
        assert found is not None, "no stack is running"
        return found

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a `tieline` command on this folder to its end; `up` gets this stack's ports."""
        return subprocess.run(
            self._argv(*words),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )

    @contextmanager
    def up(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """Run `tieline up` in the foreground and wait until it is ready; ended afterwards if it still runs."""
        with self.starting(*words) as process:
            until(lambda: self._is_ready() or process.poll() is not None, seconds=_STACK_SECONDS)
            if process.poll() is not None:
                raise RuntimeError(f"the stack did not start:\n{process.communicate()[0]}")
            yield process

    @contextmanager
    def starting(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """Run `tieline up` in the foreground; ended afterwards if it still runs."""
        process = subprocess.Popen(
            self._argv("up", *words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=_COMMAND_SECONDS)

    @contextmanager
    def up_for_a_session(self) -> Iterator[Endpoints]:
        """Run the stack until left; it also ends when the test process is killed."""
        program = Program(
            name="stack",
            argv=tuple(self._argv("up")),
            ports={},
            ready=lambda: None if self._is_ready() else "it is not ready",
            environment=self.environment,
            grace=timedelta(seconds=60),
            on_parent_death=signal.SIGTERM,
        )
        log = self.folder.root.with_name(f"{self.folder.root.name}.log")
        with running(program, log, seconds=_STACK_SECONDS):
            yield self.endpoints

    def processes(self) -> dict[int, str]:
        """Return the command of every living process that this stack's commands started, by process id."""
        return dict(_marked(self._mark))

    def _is_ready(self) -> bool:
        return background.find_ready(self.folder) is not None

    def _argv(self, *words: str) -> list[str]:
        options = [] if words[0] in {"keys", "topics", "workspaces"} else ["--data-dir", str(self.folder.root)]
        if words[0] in {"up", "demo"}:
            options += ["--port-base", str(self.port_base)]
        return [sys.executable, "-m", "tieline_cli", *words, *options]


def until(holds: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until `holds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain"
        time.sleep(0.02)


def _marked(mark: str) -> Iterator[tuple[int, str]]:
    wanted = f"{_MARK}={mark}".encode()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if command:  # a zombie has none
                    yield int(process.name), command
        except OSError:  # gone, or another user's
            continue
