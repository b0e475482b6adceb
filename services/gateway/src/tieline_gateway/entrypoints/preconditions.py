"""Optimistic concurrency over HTTP: a revision as `ETag`, and `If-Match` on a write (RFC 9110, section 13.1.1)."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from tieline_gateway.domain.errors import RequestInvalidError

_ETAG = re.compile(r'(W/)?"([^"]*)"')
NEVER = -1  # a revision that nothing has


def expected_revision(
    if_match: Annotated[
        str | None, Header(description='`"<revision>"` as last read in `ETag`; a write to anything newer is refused.')
    ] = None,
) -> int | None:
    """Return the revision a write expects, None for any. Raises RequestInvalidError when it can't be read.

    Only strong tags match, so a weak one expects a revision that nothing has. Several tags can't be promised to be
    checked in one step and are refused.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise RequestInvalidError.of(("header", "If-Match"), "must be * or one ETag")
    weak, tag = found.groups()
    return int(tag) if not weak and re.fullmatch(r"[0-9]{1,15}", tag) else NEVER


ExpectedRevision = Annotated[int | None, Depends(expected_revision)]


def tag(response: Response, revision: int) -> None:
    """Say which revision an answer shows."""
    response.headers["etag"] = f'"{revision}"'
