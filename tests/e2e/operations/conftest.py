"""A real Apache Kafka where a test needs what the embedded broker can't do."""

import os
from collections.abc import Iterator

import pytest

from tests.support.apache_kafka import ApacheKafkaMissingError, apache_kafka


@pytest.fixture(scope="session")
def real_kafka(request: pytest.FixtureRequest) -> Iterator[str]:
    """An Apache Kafka's `host:port`: the session's own if it is one; skips without Java or Maven."""
    external = os.environ.get("TIELINE_KAFKA__BOOTSTRAP_SERVERS")
    if external or os.environ.get("TIELINE_TEST_KAFKA") == "apache":
        yield str(request.getfixturevalue("kafka_server"))
        return
    try:
        with apache_kafka() as address:
            yield address
    except ApacheKafkaMissingError as missing:
        pytest.skip(str(missing))
