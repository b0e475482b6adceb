"""`If-Match` as a revision."""

import pytest
from tieline_gateway.domain.errors import RequestInvalidError
from tieline_gateway.entrypoints.preconditions import NEVER, expected_revision


@pytest.mark.parametrize(
    ("header", "revision"),
    [
        (None, None),
        ("*", None),
        (' "7" ', 7),
        ('"0"', 0),
        ('W/"7"', NEVER),
        ('"seven"', NEVER),
        ('"-1"', NEVER),
        ('""', NEVER),
        ('"' + "9" * 40 + '"', NEVER),
    ],
)
def test_expected_revision(header: str | None, revision: int | None) -> None:
    assert expected_revision(header) == revision


@pytest.mark.parametrize("header", ["", "7", '"7', '"7", "8"', 'w/"7"'])
def test_unreadable(header: str) -> None:
    with pytest.raises(RequestInvalidError):
        expected_revision(header)
