"""PagerDuty: incidents in any state.

They can be asked for by when they were created, not by when they changed. So a run reads what was created since the
oldest incident that was open when the last run read it, and the last days before the newest, since a resolved incident
may be reopened or renamed for a while. What changes later than that is not noticed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tieline.clock import Clock, iso_z
from tieline.contracts.base import JsonObject

from tieline_sync.adapters.connectors.answers import json_value
from tieline_sync.adapters.connectors.newest_first import text_of
from tieline_sync.adapters.connectors.vendor import VendorCalls, stored_body
from tieline_sync.adapters.providers.pagerduty import VENDOR
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import ProviderUnavailableError
from tieline_sync.domain.providers.pagerduty import LARGEST_PAGE
from tieline_sync.domain.providers.reading import at, objects
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording
from tieline_sync.ports import FetchedPage

LONGEST_WINDOW = timedelta(days=150)  # `since` and `until` may be six months apart
RECHECKED = timedelta(days=3)
RESOLVED = "resolved"


class PagerDutyConnector:
    """Needs an API key; `serviceId` narrows it down."""

    providers = ("pagerduty",)

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def open(self, facts: Facts, *, page_size: int) -> "PagerDutyIncidents":
        """Return the incidents. Raises MissingConfigurationError."""
        services = facts.find_list("config.service_ids", "config.service_id", "scope.service_id")
        calls = VendorCalls(self._sessions, VENDOR, facts)
        return PagerDutyIncidents(calls, services, min(page_size, LARGEST_PAGE), self._clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    """From which second on incidents are read (None: all), how many of the window were, and the oldest open one.

    `seen` are the incidents of the second `since` that were on an earlier page.
    """

    since: str | None = None
    offset: int = 0
    open_since: str | None = None
    seen: tuple[str, ...] = ()


class PagerDutyIncidents:
    """Incidents by `created_at`, oldest first, in windows: neither offset nor range may grow without bound."""

    wording = Wording(service="PagerDuty", records="incidents")
    is_whole = False

    def __init__(self, calls: VendorCalls, services: Sequence[str], page_size: int, clock: Clock) -> None:
        self._calls = calls
        self._services = services
        self._page_size = page_size
        self._clock = clock

    def first(self, resume: JsonObject | None) -> JsonObject:
        """Return the cursor at the oldest incident that may have changed."""
        return asdict(_Cursor(since=(resume or {}).get("since")))

    async def fetch(self, cursor: JsonObject) -> FetchedPage:
        """Return the page at `cursor`."""
        at_cursor = _Cursor(**cursor)
        until = self._until(at_cursor.since)
        document, _ = await self._calls.get("/incidents", self._query(at_cursor, until))
        body = stored_body(document)
        records = self.records(body)
        moved = replace(at_cursor, open_since=_oldest_open(at_cursor.open_since, records))
        following = self._after(moved, records, has_more=at(document, "more") is True, until=until)
        last = max([at_cursor.since or "", *(str(record.data["created_at"]) for record in records)])
        return FetchedPage(
            body=body,
            rows=len(records),
            fresh=[(row, record) for row, record in enumerate(records) if record.id not in at_cursor.seen],
            next=None if following is None else asdict(following),
            resume={"since": _since(moved.open_since, last)},
        )

    def records(self, body: bytes) -> Sequence[Record]:
        """Return the incidents of a stored page, labelled with their numbers."""
        document = json_value(body)
        if not isinstance(at(document, "incidents"), list):
            raise ProviderUnavailableError("Unreadable answer (no incidents)")
        return [_record(row) for row in objects(document, "incidents")]

    def _query(self, cursor: _Cursor, until: datetime | None) -> list[tuple[str, str]]:
        query = [
            ("sort_by", "created_at:asc"),
            ("limit", str(self._page_size)),
            ("offset", str(cursor.offset)),
            *(("service_ids[]", service) for service in self._services),
        ]
        if cursor.since is None or until is None:
            return [*query, ("date_range", "all")]
        return [*query, ("since", cursor.since), ("until", iso_z(until))]

    def _until(self, since: str | None) -> datetime | None:
        """Return the end of the window that starts at `since`: past now for the last one."""
        if since is None:
            return None
        return min(_instant(since) + LONGEST_WINDOW, self._clock() + timedelta(days=1))

    def _after(
        self, cursor: _Cursor, records: Sequence[Record], *, has_more: bool, until: datetime | None
    ) -> _Cursor | None:
        if not has_more:
            is_last = until is None or until > self._clock()
            return None if is_last or until is None else replace(cursor, since=iso_z(until), offset=0)
        if not records:
            raise ProviderUnavailableError("Unreadable answer (an empty page, and more)")
        last = str(records[-1].data["created_at"])
        if cursor.since is not None and last <= cursor.since:
            return replace(cursor, offset=cursor.offset + len(records))  # one second fills more than a page
        seen = tuple(record.id for record in records if record.data["created_at"] == last)
        return replace(cursor, since=last, offset=0, seen=seen)


def _record(row: Mapping[str, Any]) -> Record:
    text_of(row, "created_at")
    return Record(id=text_of(row, "id"), label=f"#{text_of(row, 'incident_number')}", data=dict(row))


def _oldest_open(known: str | None, records: Sequence[Record]) -> str | None:
    created = [str(record.data["created_at"]) for record in records if record.data.get("status") != RESOLVED]
    return min([*created, *([known] if known else [])], default=None)


def _since(open_since: str | None, last: str) -> str | None:
    """Return where the next run starts; None (at the beginning) when there was no incident."""
    if not last:
        return None
    recent = iso_z(_instant(last) - RECHECKED)
    return min(open_since, recent) if open_since else recent


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
