"""Fixtures for all tests: the broker and the database, one of each per session, and names that keep tests apart.

A test isolates itself by its topic prefix and its database, never by restarting a server. With
`TIELINE_KAFKA__BOOTSTRAP_SERVERS` or `TIELINE_MONGO__URL` set, those servers are used instead of embedded ones; with
`TIELINE_TEST_KAFKA=apache` a real Apache Kafka is started instead of the embedded broker.
"""

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings

from tests.support.brokers import a_broker
from tests.support.gateway_fixtures import caller, resident, stack
from tests.support.provider_fixtures import asker, providers, providers_of_session
from tests.support.servers import database_on, embedded_mongo

__all__ = ["asker", "caller", "providers", "providers_of_session", "resident", "stack"]

# How long an example takes is the machine's affair: servers and other tests run beside it.
settings.register_profile("tieline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tieline")

_TESTS = Path(__file__).parent
_SERVERS = {"kafka_server", "mongo_server", "shared_stack"}

TEST_SECONDS = 480.0
"""How long one test with its fixtures may take; ten times what nearly all take on two busy cores."""

FULL_TEST_SECONDS = 1200.0
"""The same for tests that work on whole data sets."""

_LONG_FIRST = ("e2e", "integration", "deploy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the servers, so that `-m "not stack"` leaves them out, and put long files first.

    Those that take minutes are skipped unless asked for. The order lets several processes end together (`make test`
    runs two): none is left with a long file at the end.
    """
    items.sort(key=_turn)
    for item in items:
        if item.get_closest_marker("full") and not os.environ.get("TIELINE_TEST_FULL"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: make test-full runs it"))
        if _SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.stack)


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(_TESTS).parts[0] if item.path.is_relative_to(_TESTS) else ""
    return _LONG_FIRST.index(folder) if folder in _LONG_FIRST else len(_LONG_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that hangs, instead of hanging with it."""
    most = FULL_TEST_SECONDS if item.get_closest_marker("full") else TEST_SECONDS

    def fail(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"{item.nodeid} was not done after {most:.0f} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, most, 5.0)  # again every 5 s: an event loop may swallow the first
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """The broker's `host:port`."""
    with a_broker() as address:
        yield address


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[str]:
    """The database server's connection string."""
    external = os.environ.get("TIELINE_MONGO__URL")
    if external:
        yield external
        return
    with embedded_mongo() as url:
        yield url


@pytest.fixture
def topic_prefix(kafka_server: str) -> Iterator[str]:
    """A prefix for this test's topics and consumer groups; the topics go with the test."""
    from tests.support.topics import delete_topics

    prefix = f"t{uuid.uuid4().hex[:10]}."
    yield prefix
    delete_topics(kafka_server, prefix)


@pytest.fixture
def mongo_database(mongo_server: str) -> Iterator[str]:
    """The name of a database for this test.

    Dropped afterwards on a server of yours; the embedded one drops 2-4 ms a document, and goes with the session.
    """
    with database_on(mongo_server) as name:
        yield name
