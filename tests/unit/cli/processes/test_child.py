"""Children end when they must."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tieline_cli.processes.child import Child, stop, stop_recorded
from tieline_cli.processes.identity import ProcessIdentity

from tests.unit.cli.processes.programs import LEAVES_A_CHILD_BEHIND, POLITE, STUBBORN, a_program

_STARTS_A_CHILD = """
import sys, time
from pathlib import Path
from tests.unit.cli.processes.programs import STUBBORN, a_program
from tieline_cli.processes.child import Child
child = Child(a_program(STUBBORN), Path(sys.argv[1]))
print(child.identity.pid, flush=True)
time.sleep(60)
"""


def test_a_polite_child_is_not_killed(tmp_path: Path) -> None:
    child = Child(a_program(POLITE), tmp_path / "log")
    _until(lambda: "up" in (tmp_path / "log").read_text())

    killed = stop([child])

    assert killed == []
    assert child.exit_code() == -signal.SIGTERM


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = Child(a_program(STUBBORN, grace=timedelta(milliseconds=100)), tmp_path / "log")
    _until(lambda: "up" in (tmp_path / "log").read_text())

    killed = stop([child])

    assert killed == ["program"]
    assert child.exit_code() == -signal.SIGKILL


def test_what_a_child_started_is_stopped_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = Child(a_program(LEAVES_A_CHILD_BEHIND), log)
    _until(lambda: "up" in log.read_text() and log.read_text().count("\n") == 2)
    grandchild = ProcessIdentity.of(next(int(line) for line in log.read_text().splitlines() if line != "up"))

    stop([child])

    _until(lambda: not grandchild.is_running())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", _STARTS_A_CHILD, str(log)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
    ) as supervisor:
        assert supervisor.stdout is not None
        child = ProcessIdentity.of(int(supervisor.stdout.readline()))
        _until(lambda: "up" in log.read_text())

        supervisor.kill()

        _until(lambda: not child.is_running())


def test_recorded_processes_are_stopped_even_if_they_ignore_sigterm(tmp_path: Path) -> None:
    child = Child(a_program(STUBBORN), tmp_path / "log")
    _until(lambda: "up" in (tmp_path / "log").read_text())

    stop_recorded([child.identity], grace_seconds=0.1)

    assert not child.identity.is_running()
    stop([child])


def test_a_reused_process_id_is_left_alone(tmp_path: Path) -> None:
    child = Child(a_program(POLITE), tmp_path / "log")
    somebody_elses = ProcessIdentity(pid=child.identity.pid, started="long ago")

    stop_recorded([somebody_elses], grace_seconds=0.1)

    assert not somebody_elses.is_running()
    assert child.identity.is_running()
    stop([child])


def _until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
