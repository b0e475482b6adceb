"""The embedded MongoDB-protocol server: SecantusDB in its own process. No other module knows it.

It announces a one-node replica set, so transactions work. It has no text, hashed or wildcard indexes, and does a few
hundred single writes a second, each flushed to disk; batches are 20 times faster. Production uses MongoDB.
"""

import contextlib
import signal
import socket
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from tieline_cli.errors import ProgramMissingError
from tieline_cli.processes.program import LOOPBACK, Program
from tieline_cli.processes.readiness import listening

_RUN = "import sys; from secantus.cli import main; sys.exit(main())"
_CONFIG = "secantusd.toml"


def url(port: int) -> str:
    """Return the connection string."""
    return f"mongodb://{LOOPBACK}:{port}/?directConnection=true"


def program(data_dir: Path, port: int) -> Program:
    """Return the database that keeps its data in `data_dir`. Raises ProgramMissingError."""
    if find_spec("secantus") is None:
        raise ProgramMissingError(
            "the embedded MongoDB server",
            looked_for="the Python package SecantusDB",
            remedy="Run `make setup`, or set TIELINE_MONGO__URL to use your own MongoDB.",
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    config = data_dir / _CONFIG
    config.touch()  # named on the command line so that no file elsewhere on the machine is picked up
    return Program(
        name="mongo",
        argv=(
            *(sys.executable, "-c", _RUN),
            *("--config", str(config.absolute())),
            *("--host", LOOPBACK),
            *("--port", str(port)),
            *("--storage-path", str((data_dir / "storage").absolute())),
            "--sync-on-commit",  # without it a killed server loses acknowledged writes
            *("--log-level", "WARNING"),
        ),
        ports={"mongo": port},
        ready=lambda: listening(LOOPBACK, port),
        grace=timedelta(seconds=10),
        on_parent_death=signal.SIGTERM,
        after_stop_signal=lambda: _wake(port),
    )


def _wake(port: int) -> None:
    """Connect once: the server, told to stop, notices so at its next connection and otherwise only after 2 s."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        pass
