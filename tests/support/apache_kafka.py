"""Apache Kafka for a test session: one KRaft node on loopback, its jars resolved by Maven, run by the machine's Java.

What the embedded broker can't show, this does: records that survive a killed broker, real rebalances, compaction.

    python -m tests.support.apache_kafka

resolves the jars, and says what is missing if it can't.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tieline_cli.processes.ports import free_port
from tieline_cli.processes.program import LOOPBACK, Program
from tieline_cli.processes.readiness import listening

from tests.support.once import one_at_a_time
from tests.support.servers import running

_POM = Path(__file__).parents[1] / "apache_kafka" / "pom.xml"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_OLDEST_JAVA = 17
_RESOLVE_SECONDS = 300
_FORMAT_SECONDS = 60
_ASK_SECONDS = 30
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # quick to start, small; not made for throughput

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""


class ApacheKafkaMissingError(RuntimeError):
    """Java 17 or Maven is not there, or the jars can't be had."""


@contextmanager
def apache_kafka() -> Iterator[str]:
    """Run a broker with a data folder of its own; the value is its `host:port`. Raises ApacheKafkaMissingError."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tieline-tests-apache-kafka-") as folder:
        home = Path(folder)
        with running(program(home, port), home / "kafka.log"):
            yield f"{LOOPBACK}:{port}"


def program(home: Path, port: int) -> Program:
    """Return a broker with its storage made in `home`, to be started as often as one likes.

    Raises ApacheKafkaMissingError.
    """
    found = jars()
    properties = home / "server.properties"
    properties.write_text(
        _PROPERTIES.format(host=LOOPBACK, port=port, controller=free_port(), data=home / "data"), encoding="utf-8"
    )
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # In one word: an id may begin with a dash, and would be taken for an option of its own.
    format_storage = [
        *_java(found),
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster}",
        "-c",
        str(properties),
    ]
    subprocess.run(format_storage, check=True, capture_output=True, timeout=_FORMAT_SECONDS)
    return _program([*_java(found), "kafka.Kafka", str(properties)], port)


def _program(argv: list[str], port: int) -> Program:
    return Program(
        name="apache-kafka",
        argv=tuple(argv),
        ports={"kafka": port},
        ready=lambda: listening(LOOPBACK, port),
        grace=timedelta(seconds=20),
    )


def _java(found: Path) -> list[str]:
    return ["java", *_JVM, "-cp", f"{found}/*"]


def jars() -> Path:
    """Return the folder with the jars, resolved now when the pom has changed since. Raises ApacheKafkaMissingError."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise ApacheKafkaMissingError(f"Apache Kafka needs Java {_OLDEST_JAVA} and Maven; there is no {tool}")
    _check_java()
    target = _POM.parent / "target"
    with one_at_a_time(target):
        folder, stamp = target / "jars", target / "pom.xml"
        if not stamp.exists() or stamp.read_bytes() != _POM.read_bytes():
            stamp.unlink(missing_ok=True)
            _resolve(folder)
            shutil.copy(_POM, stamp)
    return folder


def _check_java() -> None:
    answer = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False, timeout=_ASK_SECONDS)
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        raise ApacheKafkaMissingError(f"Apache Kafka needs Java {_OLDEST_JAVA}; there is {answer.stderr[:100]!r}")


def _resolve(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(_POM), _COPY, f"-DoutputDirectory={folder}"]
    try:
        resolved = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_RESOLVE_SECONDS)
    except subprocess.TimeoutExpired:
        raise ApacheKafkaMissingError(f"Maven did not resolve the jars within {_RESOLVE_SECONDS} s") from None
    if resolved.returncode:
        raise ApacheKafkaMissingError(f"Maven did not resolve the jars:\n{resolved.stdout[-2000:]}")


if __name__ == "__main__":
    try:
        jars()
    except ApacheKafkaMissingError as missing:
        sys.exit(str(missing))
