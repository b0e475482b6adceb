"""When a provider that limits us wants to see us again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tieline_sync.domain.providers.limits import LONGEST_WAIT, wait_of

NOW = datetime(2026, 3, 21, 14, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.2"}, 1),
        ({"retry-after": "Sat, 21 Mar 2026 14:00:30 GMT"}, 30),
        ({"retry-after": "Sat, 21 Mar 2026 13:00:00 GMT"}, 1),
        ({"retry-after": "soon"}, 30),
        ({"retry-after": ""}, 30),
        ({}, 30),
        ({"ratelimit-reset": "12"}, 12),
        ({"x-sentry-rate-limit-reset": str(SECONDS + 9)}, 9),
        ({"x-ratelimit-reset": str(SECONDS + 90)}, 90),
        ({"x-ratelimit-requests-reset": str((SECONDS + 40) * 1000)}, 40),
        ({"x-ratelimit-reset": "-5"}, 30),
        ({"retry-after": "99999999999999999999"}, 86_400),
        ({"retry-after": "٣"}, 30),
    ],
)
def test_the_wait_is_the_one_that_is_stated(headers: dict[str, str], seconds: float) -> None:
    assert wait_of(headers, NOW) == timedelta(seconds=seconds)


@given(st.dictionaries(st.sampled_from(["retry-after", "ratelimit-reset", "x-ratelimit-reset"]), st.text(max_size=30)))
def test_whatever_is_stated_the_wait_is_between_a_second_and_a_day(headers: dict[str, str]) -> None:
    assert timedelta(seconds=1) <= wait_of(headers, NOW) <= LONGEST_WAIT
