"""Sentry's REST API and surface C's documents."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tieline.contracts.base import JsonObject

from tieline_sync.domain.providers.reading import instant, number, text

LARGEST_PAGE: Final = 100
_LINK = re.compile(r"<([^>]*)>([^<]*)")
_PARAMETER = re.compile(r';\s*([a-z-]+)\s*=\s*"([^"]*)"', re.IGNORECASE)


def issues_query(query: str, *, limit: int, cursor: str | None) -> list[tuple[str, str]]:
    """Return the query for one page of issues, those seen last first."""
    return [("query", query), ("limit", str(limit)), *([("cursor", cursor)] if cursor else [])]


def issue_of(issue: Mapping[str, Any]) -> JsonObject:
    """Return one entry of the document's issues."""
    return {
        "id": text(issue, "id"),
        "title": text(issue, "title"),
        "culprit": text(issue, "culprit"),
        "level": text(issue, "level"),
        "count": number(issue, "count"),
        "userCount": number(issue, "userCount"),
        "firstSeen": instant(issue, "firstSeen"),
        "lastSeen": instant(issue, "lastSeen"),
        "permalink": text(issue, "permalink"),
    }


def next_cursor(link: str) -> str | None:
    """Return the cursor of the next page from a `Link` header; Sentry always sends one, and whether it has results."""
    for address, parameters in _LINK.findall(link):
        found = {name.lower(): value for name, value in _PARAMETER.findall(parameters)}
        if found.get("rel") == "next" and found.get("results") == "true":
            return found.get("cursor") or _cursor_in(address)
    return None


def _cursor_in(address: str) -> str | None:
    """Return the cursor of a page's address. Only the cursor is used: the host may be one we must not call."""
    given = parse_qs(urlsplit(address).query).get("cursor")
    return given[0] if given else None


def total_of(headers: Mapping[str, str], shown: int) -> int:
    """Return how many issues match, if Sentry says so, else how many are shown."""
    hits = headers.get("x-hits", "")
    return max(int(hits), shown) if hits.isascii() and hits.isdigit() else shown


def said(answer: Any) -> str:
    """Return what Sentry says of an error."""
    detail = answer.get("detail") if isinstance(answer, Mapping) else None
    return detail if isinstance(detail, str) else text(detail, "message") or ""
