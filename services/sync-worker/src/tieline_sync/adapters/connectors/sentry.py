"""Sentry: the issues of an organization, or of some of its projects, in any state."""

from collections.abc import Mapping
from typing import Any

from tieline_sync.adapters.connectors.newest_first import NewestFirstSource, VendorPage, text_of
from tieline_sync.adapters.connectors.vendor import VendorCalls, missing
from tieline_sync.adapters.providers.sentry import VENDOR
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers import sentry
from tieline_sync.domain.providers.paths import segment
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording

ALL = ""


class SentryConnector:
    """Needs an auth token and `organization`; `project` or `projects` narrows it down."""

    providers = ("sentry",)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def open(self, facts: Facts, *, page_size: int) -> "SentryIssues":
        """Return the issues. Raises MissingConfigurationError."""
        organization = facts.find("scope.org_slug", "config.organization", "config.org_slug")
        if organization is None:
            raise missing("Sentry", "authToken", "organization")
        projects = facts.find_list("config.projects", "config.project", "scope.project_id")
        calls = VendorCalls(self._sessions, VENDOR, facts)
        return SentryIssues(calls, organization, projects or [ALL], min(page_size, sentry.LARGEST_PAGE))


class SentryIssues(NewestFirstSource):
    """All issues, read whole every time: what was resolved or assigned changes without being seen again.

    So the moment of the last sync narrows nothing down; what has not changed is dropped when it is compared.
    """

    wording = Wording(service="Sentry", records="issues")

    def __init__(self, calls: VendorCalls, organization: str, projects: list[str], page_size: int) -> None:
        super().__init__(projects)
        self._calls = calls
        self._organization = organization
        self._page_size = page_size

    async def page(self, scope: str, *, since: str | None, page: str | None) -> VendorPage:
        """Return a page of issues; `since` is not used."""
        del since
        organization = segment(self._organization)
        path = f"/projects/{organization}/{segment(scope)}" if scope != ALL else f"/organizations/{organization}"
        query = sentry.issues_query("", limit=self._page_size, cursor=page)
        document, headers = await self._calls.get(f"{path}/issues/", query)
        return VendorPage(document=document, next=sentry.next_cursor(headers.get("link", "")))

    def rows(self, document: Any) -> Any:
        """Return the list itself."""
        return document

    def record(self, row: Mapping[str, Any]) -> Record:
        """Return an issue, labelled with its short id (CHECKOUT-12), without its curve of the last hours."""
        data = {name: value for name, value in row.items() if name != "stats"}
        return Record(id=text_of(row, "id"), label=text_of(row, "shortId"), data=data)

    def updated(self, row: Mapping[str, Any]) -> str:
        """Return `lastSeen`."""
        return text_of(row, "lastSeen")
