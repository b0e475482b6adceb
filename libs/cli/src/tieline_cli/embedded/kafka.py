"""The embedded Kafka-protocol broker: `noida-db`, with only Kafka switched on. No other module knows it.

What it can't do: it saves every few moments and at a clean stop, so records it acknowledged are lost when it is killed;
it rewrites one JSON file as it saves, so retention is kept short (`LONGEST_RETENTION`). Production uses Apache Kafka.
"""

import re
import signal
from datetime import timedelta
from importlib.resources import as_file, files
from pathlib import Path

from tieline_cli.errors import ProgramMissingError
from tieline_cli.processes.program import LOOPBACK, Program
from tieline_cli.processes.readiness import listening

LONGEST_RETENTION = timedelta(hours=6)
"""How long the embedded broker keeps records of topics that are not compacted."""

NOISE = re.compile(r"weak version `GLIBC_[\d.]+' not found")  # the loader's remark about an optional symbol


def program(data_dir: Path, port: int) -> Program:
    """Return the broker that keeps its data in `data_dir`. Raises ProgramMissingError."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return Program(
        name="kafka",
        argv=(
            str(_executable()),
            "start",
            *("--data-dir", str(data_dir.absolute())),
            *("--host", LOOPBACK),
            *("--only", "kafka"),
            *("--kafka-port", str(port)),
        ),
        ports={"kafka": port},
        ready=lambda: listening(LOOPBACK, port),
        working_directory=data_dir,
        grace=timedelta(seconds=15),
        on_parent_death=signal.SIGTERM,
        noise=NOISE,
    )


def _executable() -> Path:
    """Return the server itself: the command that the package installs would not pass signals on to it."""
    missing = ProgramMissingError(
        "the embedded Kafka broker",
        looked_for="the program of the Python package noida-db",
        remedy="Run `make setup`, or set TIELINE_KAFKA__BOOTSTRAP_SERVERS to use your own Kafka.",
    )
    try:
        with as_file(files("noida_db") / "noida-db") as executable:
            if not executable.is_file():
                raise missing
            executable.chmod(executable.stat().st_mode | 0o111)  # wheels may drop the mode
            return executable
    except ModuleNotFoundError:
        raise missing from None
