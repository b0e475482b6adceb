"""Jira Cloud: issues, by JQL."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from tieline.clock import Clock

from tieline_sync.adapters.connectors.newest_first import NewestFirstSource, VendorPage, text_of
from tieline_sync.adapters.connectors.vendor import VendorCalls, missing
from tieline_sync.adapters.providers.session import Sessions, Vendor
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import ProviderUnavailableError
from tieline_sync.domain.providers.reading import at
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording

LARGEST_PAGE = 100
ALL = ""
SINCE_EVER = '"1970/01/02"'  # JQL without any bound is refused
OVERLAP = timedelta(minutes=1)  # JQL knows minutes
SEPARATOR = "\n"  # between the query and the token of a page: a token is good for its very query only


def _said(document: Any) -> str:
    messages = at(document, "errorMessages")
    return " ".join(str(message) for message in messages) if isinstance(messages, list) else ""


class JiraConnector:
    """Needs `url`, `email` and an API token (or an OAuth token without `email`); `projects` narrows it down."""

    providers = ("jira",)

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def open(self, facts: Facts, *, page_size: int) -> "JiraIssues":
        """Return the issues. Raises MissingConfigurationError."""
        if facts.find("config.base_url", "config.url") is None:
            raise missing("Jira", "url", "email", "apiToken")
        email = facts.find("config.email", "config.username", "auth.username")
        vendor = Vendor(
            name="Jira",
            address="",
            headers={"accept": "application/json"},
            authorization=lambda token, is_oauth: _authorization(None if is_oauth else email, token),
            said=_said,
        )
        projects = facts.find_list("config.projects", "config.project", "scope.projects", "scope.project_id")
        calls = VendorCalls(self._sessions, vendor, facts)
        return JiraIssues(calls, projects or [ALL], min(page_size, LARGEST_PAGE), self._clock)


class JiraIssues(NewestFirstSource):
    """Issues by `updated`.

    Dates in JQL are read in the zone of the account, which we do not know, so the bound is written as minutes ago.
    """

    wording = Wording(service="Jira", records="issues")

    def __init__(self, calls: VendorCalls, projects: list[str], page_size: int, clock: Clock) -> None:
        super().__init__(projects)
        self._calls = calls
        self._page_size = page_size
        self._clock = clock

    async def page(self, scope: str, *, since: str | None, page: str | None) -> VendorPage:
        """Return a page of a project's issues, of all for the scope of that name."""
        jql, _, token = page.partition(SEPARATOR) if page else (self._jql(scope, since), "", "")
        asked: dict[str, Any] = {"jql": jql, "maxResults": self._page_size, "fields": ["*all"]}
        if token:
            asked["nextPageToken"] = token
        document, _ = await self._calls.call("POST", "/rest/api/3/search/jql", json=asked)
        following = at(document, "nextPageToken")
        is_last = not isinstance(following, str) or at(document, "isLast") is True
        return VendorPage(document=document, next=None if is_last else f"{jql}{SEPARATOR}{following}")

    def rows(self, document: Any) -> Any:
        """Return the issues."""
        return at(document, "issues")

    def record(self, row: Mapping[str, Any]) -> Record:
        """Return an issue, labelled with its key (SHOP-12)."""
        return Record(id=text_of(row, "id"), label=text_of(row, "key"), data=dict(row))

    def updated(self, row: Mapping[str, Any]) -> str:
        """Return `updated` in UTC."""
        stated = at(row, "fields", "updated")
        try:
            return datetime.fromisoformat(str(stated)).astimezone(UTC).isoformat(timespec="milliseconds")
        except ValueError:
            raise ProviderUnavailableError("Unreadable answer (an issue without updated)") from None

    def _jql(self, scope: str, since: str | None) -> str:
        bound = SINCE_EVER
        if since:
            ago = self._clock() - datetime.fromisoformat(since) + OVERLAP
            bound = f"-{max(ceil(ago.total_seconds() / 60), 1)}m"
        project = f"project = {_quoted(scope)} AND " if scope != ALL else ""
        return f"{project}updated >= {bound} ORDER BY updated DESC, id DESC"


def _authorization(email: str | None, token: str) -> str:
    if email is None:
        return f"Bearer {token}"
    return "Basic " + b64encode(f"{email}:{token}".encode()).decode()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
