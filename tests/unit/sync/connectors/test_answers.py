"""What providers' answers mean, and how long they ask to wait."""

from datetime import timedelta

import pytest
from tieline.outgoing import Answer
from tieline_sync.adapters.connectors.answers import retry_after
from tieline_sync.adapters.connectors.links import next_link

from tests.unit.sync.connectors.support import NOW


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Sat, 21 Mar 2026 14:11:30 GMT"}, 90),
        ({"retry-after": "Sat, 21 Mar 2026 14:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, 30),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 42)}, 42),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) - 42)}, 1),
        ({}, 30),
    ],
)
def test_wait_is_what_the_provider_asks_for(headers: dict[str, str], seconds: float) -> None:
    answer = Answer(status=429, headers=headers, body=b"")

    assert retry_after(answer, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ('<https://a/x?o=0>;rel="first",<https://a/x?o=5>;rel="next",<https://a/x?o=9>;rel="last"', "https://a/x?o=5"),
        ('<https://a/x?q=a,b>; rel="next"; results="true"; cursor="0:100:0"', "https://a/x?q=a,b"),
        ("<https://a/x>; rel=next", "https://a/x"),
        ('<https://a/x>; rel="prev last"', None),
        ('<https://a/x?o=0>;rel="first",<https://a/x?o=-1>;rel="prev"', None),
        ("", None),
    ],
)
def test_next_link_is_found(header: str, address: str | None) -> None:
    assert next_link(header) == address
