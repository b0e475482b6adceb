"""When a call may be made again: only where that can't do something twice."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_sync.domain.pipeline.endpoint import Endpoint
from tieline_sync.domain.pipeline.retries import may_repeat, wait_before


@pytest.mark.parametrize(
    ("method", "status", "sent", "names_itself", "may"),
    [
        ("GET", 503, True, False, True),
        ("GET", 429, True, False, True),
        ("GET", 504, True, False, True),
        ("GET", 500, True, False, False),
        ("GET", 404, True, False, False),
        ("GET", None, True, False, True),
        ("PUT", 502, True, False, True),
        ("DELETE", None, True, False, True),
        ("POST", 429, True, False, True),
        ("POST", 503, True, False, True),
        ("POST", 502, True, False, False),
        ("POST", 504, True, False, False),
        ("POST", None, True, False, False),
        ("POST", None, False, False, True),
        ("POST", 502, True, True, True),
        ("POST", None, True, True, True),
        ("PATCH", 504, True, False, False),
        ("PATCH", 429, True, False, True),
        ("PATCH", 500, True, True, False),
    ],
)
def test_a_call_is_repeated_only_where_that_is_safe(
    method: str, *, status: int | None, sent: bool, names_itself: bool, may: bool
) -> None:
    endpoint = Endpoint(name="e", path="/", method=method)

    assert may_repeat(endpoint, names_itself=names_itself, status=status, sent=sent) is may


def test_only_listed_statuses_are_tried_again() -> None:
    endpoint = Endpoint(name="e", path="/", method="GET", retry_on_status=frozenset({418}))

    assert may_repeat(endpoint, names_itself=False, status=418, sent=True)
    assert not may_repeat(endpoint, names_itself=False, status=503, sent=True)


def test_the_servers_own_wait_is_obeyed() -> None:
    assert wait_before(1, asked=timedelta(seconds=17), jitter=0.9) == timedelta(seconds=17)
    assert wait_before(1, asked=timedelta(seconds=-5), jitter=0.9) == timedelta()


@given(st.integers(1, 1000), st.floats(0, 1))
def test_waits_double_within_a_fifth_up_to_a_limit(retry: int, jitter: float) -> None:
    wait = wait_before(retry, asked=None, jitter=jitter)

    plain = timedelta(seconds=min(0.5 * 2 ** min(retry - 1, 30), 8))
    assert plain * 0.8 <= wait <= plain * 1.2
