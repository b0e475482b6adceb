"""How far a read of a ServiceNow table got.

Offsets alone lose rows: a row that is updated while pages are read moves to the end, and every row behind it moves up
by one, over the border of the page. So after every page the query starts again at the last second seen,
`sys_updated_on>=T`, and offsets (the `Link` header) only lead through stretches in which T does not move: pages that
access rules emptied. Rows of the second T come again at the start of the next page; they are known by `seen`.

If one second fills a whole page, the query goes on within it by sys_id instead (`within`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tieline.contracts.base import JsonObject

from tieline_sync.domain.errors import ProviderUnavailableError

ORDER = "ORDERBYsys_updated_on^ORDERBYsys_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the cursor needs of a row. `updated_on` is in UTC, as ServiceNow writes it; `digest` of its content."""

    updated_on: str
    sys_id: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """`since` is a second in UTC as ServiceNow writes it; empty for everything there is."""

    since: str = ""
    within: str = ""
    offset: int = 0
    seen: Mapping[str, str] = field(default_factory=dict)
    """What was read of the second `since`: content hash (hex) by sys_id."""

    @property
    def query(self) -> str:
        """Return the `sysparm_query`."""
        if not self.since:
            return ORDER
        if self.within:
            same_second = f"sys_updated_on={self.since}^sys_id>{self.within}"
            return f"{same_second}^NQsys_updated_on>{self.since}^{ORDER}"
        return f"sys_updated_on>={self.since}^{ORDER}"

    def after(self, rows: Sequence[Row], *, next_offset: int | None) -> "Cursor | None":
        """Return the cursor of the next page, None after the last.

        `rows` are all rows of this page, `next_offset` is where its `Link` header leads on, None if nowhere.
        """
        if next_offset is None:
            return None
        if not rows:
            return replace(self, offset=next_offset)
        last = max(row.updated_on for row in rows)
        same_second = [row for row in rows if row.updated_on == last]
        if last > self.since:
            return Cursor(since=last, seen={row.sys_id: row.digest for row in same_second})
        within = max(row.sys_id for row in same_second)
        if last < self.since or within <= self.within:
            raise ProviderUnavailableError("The rows came in another order than asked for")
        return replace(self, within=within, offset=0)

    def has_seen(self, row: "Row") -> bool:
        """Say whether this very row was on an earlier page."""
        return row.updated_on == self.since and self.seen.get(row.sys_id) == row.digest

    def to_json(self) -> JsonObject:
        """Return what is stored."""
        return asdict(self) | {"seen": [list(pair) for pair in self.seen.items()]}


def cursor_of(stored: Mapping[str, Any]) -> Cursor:
    """Return the cursor that was stored."""
    return Cursor(
        since=stored.get("since", ""),
        within=stored.get("within", ""),
        offset=stored.get("offset", 0),
        seen=dict(stored.get("seen", ())),
    )
