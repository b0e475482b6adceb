"""A ServiceNow instance's incidents, incremental by `sys_updated_on`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tieline.clock import Clock
from tieline.contracts.base import JsonObject
from tieline.outgoing import Answer, OutgoingClient

from tieline_sync.adapters.connectors.answers import Provider, json_object, json_value
from tieline_sync.adapters.connectors.links import next_link
from tieline_sync.adapters.connectors.servicenow.auth import Auth, auth_of
from tieline_sync.adapters.connectors.servicenow.cursor import Cursor, Row, cursor_of
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import MissingConfigurationError, ProviderUnavailableError
from tieline_sync.domain.providers.servicenow import address_of
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording
from tieline_sync.handlers.tokens import Tokens
from tieline_sync.ports import FetchedPage

SERVICE = "ServiceNow"
WORDING = Wording(service=SERVICE, records="incidents")
TABLE = "table/incident"

# A transaction stamps its rows when it starts and shows them when it ends, so a row may appear behind the last second
# that a run has seen. What is read again and has not changed is dropped.
OVERLAP = timedelta(seconds=30)
FORM = "%Y-%m-%d %H:%M:%S"


class ServiceNowConnector:
    """Opens sources for integrations with the provider `servicenow`. `config.api_version` may pin `v1` or `v2`."""

    providers = ("servicenow",)

    def __init__(self, http: OutgoingClient, tokens: Tokens, clock: Clock) -> None:
        self._http = http
        self._tokens = tokens
        self._clock = clock

    def open(self, facts: Facts, *, page_size: int) -> "ServiceNowIncidents":
        """Return the incidents of the integration's instance. Raises MissingConfigurationError."""
        address = address_of(facts)
        provider = Provider(self._http, self._clock, service=SERVICE, describe=described)
        auth, needed = auth_of(facts, self._tokens)
        if address is None or auth is None:
            raise MissingConfigurationError(f"Missing ServiceNow configuration ({', '.join(('url', *needed))})")
        version = facts.find("config.api_version")
        api = f"/api/now/{version}" if version in {"v1", "v2"} else "/api/now"
        return ServiceNowIncidents(provider, auth, f"{address}{api}/{TABLE}", page_size)


class ServiceNowIncidents:
    """The table `incident`. Plain values, dates in UTC, references as sys_ids."""

    wording = WORDING
    is_whole = False

    def __init__(self, provider: Provider, auth: Auth, address: str, page_size: int) -> None:
        self._provider = provider
        self._auth = auth
        self._address = address
        self._page_size = page_size

    def first(self, resume: JsonObject | None) -> JsonObject:
        """Return the cursor that starts a little before the last second seen; at the beginning for None."""
        since = cursor_of(resume or {}).since
        if since:
            # strptime without a zone on purpose: the text is UTC and stays text in UTC.
            since = (datetime.strptime(since, FORM) - OVERLAP).strftime(FORM)  # noqa: DTZ007
        return Cursor(since=since).to_json()

    async def fetch(self, cursor: JsonObject) -> FetchedPage:
        """Return the page at `cursor`."""
        at = cursor_of(cursor)
        answer = await self._answer(at)
        records = [] if _is_no_match(answer) else self.records(answer.body)
        rows = [_row(record) for record in records]
        following = at.after(rows, next_offset=_next_offset(answer, at.offset, self._page_size))
        return FetchedPage(
            body=answer.body,
            rows=len(records),
            fresh=[
                (position, record)
                for position, (record, row) in enumerate(zip(records, rows, strict=True))
                if not at.has_seen(row)
            ],
            next=following.to_json() if following else None,
            resume=Cursor(since=max([at.since, *(row.updated_on for row in rows)])).to_json(),
        )

    def records(self, body: bytes) -> Sequence[Record]:
        """Return the records of a page. Raises ProviderUnavailableError when it is not a whole page."""
        document = json_value(body)
        error = document.get("error") if isinstance(document, dict) else None
        if error:
            raise ProviderUnavailableError(f"The answer was cut short ({_message(error)})")
        rows = document.get("result") if isinstance(document, dict) else None
        if not isinstance(rows, list):
            raise ProviderUnavailableError("Unreadable answer (no result)")
        return [_record(row) for row in rows]

    async def _answer(self, cursor: Cursor) -> Answer:
        params = {
            "sysparm_query": cursor.query,
            "sysparm_limit": str(self._page_size),
            "sysparm_offset": str(cursor.offset),
            "sysparm_display_value": "false",
            "sysparm_exclude_reference_link": "true",
        }
        answer = await self._get(params, await self._auth.headers())
        if answer.status == 401 and self._auth.renew():
            answer = await self._get(params, await self._auth.headers())
        if not _is_no_match(answer):
            self._provider.check(answer)
        return answer

    async def _get(self, params: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        return await self._provider.call_any(
            "GET", self._address, params=params, headers={"Accept": "application/json", **headers}
        )


def described(answer: Answer) -> str:
    """Return what ServiceNow says of an error, without repeating what was sent."""
    try:
        document = json_object(answer)
    except ProviderUnavailableError:
        return ""
    return _message(document.get("error") or document.get("error_description"))


def _message(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or "")[:200]
    return str(error or "")[:200]


def _is_no_match(answer: Answer) -> bool:
    """Version 1 of the API answers 404 when no row matches."""
    return answer.status == 404 and described(answer) == "No Record found"


def _record(row: Any) -> Record:
    sys_id = row.get("sys_id") if isinstance(row, dict) else None
    if not sys_id or not isinstance(sys_id, str):
        raise ProviderUnavailableError("Unreadable answer (a row without sys_id)")
    return Record(id=sys_id, label=str(row.get("number") or sys_id), data=row)


def _row(record: Record) -> Row:
    return Row(
        updated_on=str(record.data.get("sys_updated_on") or ""),
        sys_id=record.id,
        digest=record.content_hash()[:8].hex(),
    )


def _next_offset(answer: Answer, offset: int, page_size: int) -> int | None:
    """Return where the next page of the same query starts, None after the last.

    Of the `Link` header only the offset is used: behind a proxy its host may be one that we can't or must not call.
    """
    link = answer.headers.get("link")
    if link is None:
        total = answer.headers.get("x-total-count", "")
        return offset + page_size if total.isdigit() and int(total) > offset + page_size else None
    address = next_link(link)
    if address is None:
        return None
    stated = parse_qs(urlsplit(address).query).get("sysparm_offset", [""])[0]
    return int(stated) if stated.isdigit() and int(stated) > offset else offset + page_size
