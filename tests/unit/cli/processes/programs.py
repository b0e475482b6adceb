"""Small programs to start and stop."""

import sys
from datetime import timedelta

from tieline_cli.processes.program import Program

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
POLITE = "print('up', flush=True); import time; time.sleep(60)"
LEAVES_A_CHILD_BEHIND = """
import signal, subprocess, sys, time
ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", ignore])
print(child.pid, flush=True)
time.sleep(60)
"""


def a_program(code: str, *, grace: timedelta = timedelta(seconds=10)) -> Program:
    """Return a Python program that counts as ready at once."""
    return Program(name="program", argv=(sys.executable, "-c", code), ports={}, ready=lambda: None, grace=grace)
