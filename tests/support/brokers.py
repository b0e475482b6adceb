"""The Kafka that tests and benchmarks run on, as the environment asks for it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.apache_kafka import apache_kafka
from tests.support.servers import embedded_kafka


@contextmanager
def a_broker() -> Iterator[str]:
    """Provide a broker; the value is its `host:port`.

    The one that `TIELINE_KAFKA__BOOTSTRAP_SERVERS` names, an Apache Kafka of its own with `TIELINE_TEST_KAFKA=apache`,
    else the embedded one.
    """
    external = os.environ.get("TIELINE_KAFKA__BOOTSTRAP_SERVERS")
    if external:
        yield external
        return
    start = apache_kafka if os.environ.get("TIELINE_TEST_KAFKA") == "apache" else embedded_kafka
    with start() as address:
        yield address
