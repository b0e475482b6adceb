"""The embedded broker and database for a test session: started when first asked for, gone when the session ends.

They end with the pytest process, also when that is killed.
"""

import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pymongo import MongoClient
from tieline_cli.embedded import kafka, mongo
from tieline_cli.processes.child import Child, stop
from tieline_cli.processes.ports import free_port
from tieline_cli.processes.program import LOOPBACK, Program

START_SECONDS = 60.0


@contextmanager
def running(program: Program, log: Path, *, seconds: float = START_SECONDS) -> Iterator[Child]:
    """Start `program`, wait until it is ready, stop it at the end."""
    child = Child(program, log)
    try:
        deadline = time.monotonic() + seconds
        while (missing := program.ready()) is not None:
            if child.exit_code() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{program.name} did not start: {missing}\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield child
    finally:
        stop([child])


@contextmanager
def embedded_kafka() -> Iterator[str]:
    """Run a broker with a data folder of its own; the value is its `host:port`."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tieline-tests-kafka-") as folder:
        data = Path(folder)
        with running(kafka.program(data / "data", port), data / "kafka.log"):
            yield f"{LOOPBACK}:{port}"


@contextmanager
def embedded_mongo() -> Iterator[str]:
    """Run a database with a data folder of its own; the value is its connection string."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tieline-tests-mongo-") as folder:
        data = Path(folder)
        with running(mongo.program(data / "data", port), data / "mongo.log"):
            yield mongo.url(port)


@contextmanager
def database_on(server: str) -> Iterator[str]:
    """Name a database that nobody else uses.

    Dropped afterwards on a server of yours; the embedded one drops 2-4 ms a document, and goes with the session.
    """
    name = f"t{uuid.uuid4().hex[:12]}"
    try:
        yield name
    finally:
        if "TIELINE_MONGO__URL" in os.environ:
            with MongoClient[dict[str, object]](server, serverSelectionTimeoutMS=5000) as client:
                client.drop_database(name)
