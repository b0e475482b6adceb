"""Apache Kafka for a test session: one KRaft node on loopback, its jars resolved by Maven, run by the machine's Java.

What the embedded broker can't show, this does: records that survive a killed broker, real rebalances, compaction.
"""

import shutil
import subprocess
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
_RESOLVE_SECONDS = 300
_FORMAT_SECONDS = 60
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
    """Java or Maven is not there, or the jars can't be had."""


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
    jars = _jars()
    properties = home / "server.properties"
    properties.write_text(
        _PROPERTIES.format(host=LOOPBACK, port=port, controller=free_port(), data=home / "data"), encoding="utf-8"
    )
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    format_storage = [*_java(jars), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
    subprocess.run(format_storage, check=True, capture_output=True, timeout=_FORMAT_SECONDS)
    return _program([*_java(jars), "kafka.Kafka", str(properties)], port)


def _program(argv: list[str], port: int) -> Program:
    return Program(
        name="apache-kafka",
        argv=tuple(argv),
        ports={"kafka": port},
        ready=lambda: listening(LOOPBACK, port),
        grace=timedelta(seconds=20),
    )


def _java(jars: Path) -> list[str]:
    return ["java", *_JVM, "-cp", f"{jars}/*"]


def _jars() -> Path:
    """Return the folder with the jars, resolved now when the pom has changed since."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise ApacheKafkaMissingError(f"tests on Apache Kafka need Java 17 or newer and Maven; there is no {tool}")
    target = _POM.parent / "target"
    with one_at_a_time(target):
        jars, stamp = target / "jars", target / "pom.xml"
        if not stamp.exists() or stamp.read_bytes() != _POM.read_bytes():
            stamp.unlink(missing_ok=True)
            _resolve(jars)
            shutil.copy(_POM, stamp)
        return jars


def _resolve(jars: Path) -> None:
    shutil.rmtree(jars, ignore_errors=True)
    resolved = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(_POM), _COPY, f"-DoutputDirectory={jars}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_RESOLVE_SECONDS,
    )
    if resolved.returncode:
        raise ApacheKafkaMissingError(f"Maven did not resolve the jars:\n{resolved.stdout[-2000:]}")
