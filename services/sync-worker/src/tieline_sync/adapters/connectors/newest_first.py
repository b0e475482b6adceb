"""Sources whose vendor lists what was updated last first, a page at a time.

That order loses nothing while pages are read: a record that is updated meanwhile moves to the front and pushes others
back, so some come twice, and itself it comes in the next run. For the next run starts at what was newest when this one
read its first page.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tieline.contracts.base import JsonObject

from tieline_sync.adapters.connectors.answers import json_value
from tieline_sync.adapters.connectors.vendor import stored_body
from tieline_sync.domain.errors import ProviderUnavailableError
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording
from tieline_sync.ports import FetchedPage


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorPage:
    """A page as the vendor answered it, and what it wants to see for the next one; None after the last."""

    document: Any = field(repr=False)
    next: str | None


class NewestFirstSource(ABC):
    """The records of one integration's scopes (repositories, projects), one scope after the other.

    A scope's moments are compared as text, so they must be written alike and sort by time.
    """

    wording: Wording
    is_whole: ClassVar[bool] = False

    def __init__(self, scopes: Sequence[str]) -> None:
        self._scopes = tuple(scopes)

    @abstractmethod
    async def page(self, scope: str, *, since: str | None, page: str | None) -> VendorPage:
        """Return a page of what was updated at `since` or later (everything for None), updated last first.

        `page` is what the page before gave as `next`. Raises ProviderUnavailableError, -RateLimitedError,
        -RefusedError.
        """

    @abstractmethod
    def rows(self, document: Any) -> Any:
        """Return the list of records in a page."""

    @abstractmethod
    def record(self, row: Mapping[str, Any]) -> Record | None:
        """Return a row as a record, None for one that is none."""

    @abstractmethod
    def updated(self, row: Mapping[str, Any]) -> str:
        """Return when a row was updated last."""

    def first(self, resume: JsonObject | None) -> JsonObject:
        """Return the cursor of the first scope's first page."""
        return {"scope": 0, "page": None, "since": (resume or {}).get("since", {}), "newest": {}}

    async def fetch(self, cursor: JsonObject) -> FetchedPage:
        """Return the page at `cursor`."""
        place, page, since, newest = cursor["scope"], cursor["page"], cursor["since"], dict(cursor["newest"])
        scope = self._scopes[place]
        answered = await self.page(scope, since=since.get(scope), page=page)
        body = stored_body(answered.document)
        rows = self._rows(answered.document)
        if page is None:
            newest[scope] = max([since.get(scope) or "", *(self.updated(row) for row in rows)])
        following = {"scope": place, "page": answered.next, "since": since, "newest": newest}
        if answered.next is None:
            following["scope"] = place + 1
        records = self.records(body)
        return FetchedPage(
            body=body,
            rows=len(rows),
            fresh=list(enumerate(records)),
            next=following if following["scope"] < len(self._scopes) else None,
            resume={"since": {**since, **{name: moment for name, moment in newest.items() if moment}}},
        )

    def records(self, body: bytes) -> Sequence[Record]:
        """Return the records of a stored page."""
        found = (self.record(row) for row in self._rows(json_value(body)))
        return [record for record in found if record is not None]

    def _rows(self, document: Any) -> list[Mapping[str, Any]]:
        rows = self.rows(document)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderUnavailableError("Unreadable answer (no list of records)")
        return rows


def text_of(row: Mapping[str, Any], name: str) -> str:
    """Return a text of a row. Raises ProviderUnavailableError when it is not there: the answer is not what it was."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ProviderUnavailableError(f"Unreadable answer (a record without {name})")
    return str(value)
