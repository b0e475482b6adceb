"""The embedded MongoDB-protocol server: SecantusDB in its own process. Only `mongo_server` beside this knows it too.

It announces a one-node replica set, so transactions work. It has no text, hashed or wildcard indexes, and does a few
hundred single writes a second, each flushed to disk; batches are 20 times faster. Production uses MongoDB.
"""

import signal
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from tieline_cli.errors import ProgramMissingError
from tieline_cli.processes.program import LOOPBACK, Program
from tieline_cli.processes.readiness import listening

_SERVER = "tieline_cli.embedded.mongo_server"


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
    return Program(
        name="mongo",
        argv=(sys.executable, "-m", _SERVER, str(port), str((data_dir / "storage").absolute())),
        ports={"mongo": port},
        ready=lambda: listening(LOOPBACK, port),
        grace=timedelta(seconds=10),
        on_parent_death=signal.SIGTERM,
    )
