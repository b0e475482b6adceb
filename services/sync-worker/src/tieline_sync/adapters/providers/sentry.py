"""Sentry: issues."""

from typing import Any

from tieline.contracts.base import JsonObject
from tieline.provider_client import ListSentryIssues

from tieline_sync.adapters.providers.session import Session, Sessions, Vendor
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers import sentry
from tieline_sync.domain.providers.errors import NotConfiguredError, UpstreamError
from tieline_sync.domain.providers.paths import segment
from tieline_sync.handlers.provider_ports import ProviderReply

VENDOR = Vendor(
    name="Sentry",
    address="https://sentry.io",
    root="/api/0",
    headers={"accept": "application/json"},
    authorization=lambda token, _is_oauth: f"Bearer {token}",
    said=sentry.said,
)


class Sentry:
    """One workspace's Sentry organization per call."""

    vendor = VENDOR

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def perform(self, facts: Facts, operation: Any) -> ProviderReply:
        """Make the calls of one operation. Raises ProviderCallError."""
        session = self._sessions.open(VENDOR, facts)
        if not isinstance(operation, ListSentryIssues):
            raise AssertionError(f"not an operation of Sentry: {operation!r}")  # noqa: TRY004 - a mistake of ours
        return await _issues(session, facts, operation)


async def _issues(session: Session, facts: Facts, asked: ListSentryIssues) -> ProviderReply:
    path = _path(facts, asked.project)
    found: list[JsonObject] = []
    cursor = asked.cursor
    while True:
        size = min(asked.limit - len(found), sentry.LARGEST_PAGE)
        page, headers = await session.get(path, sentry.issues_query(asked.query, limit=size, cursor=cursor))
        if not isinstance(page, list):
            raise UpstreamError("The response is not a list of issues")
        found += [sentry.issue_of(issue) for issue in page if isinstance(issue, dict)]
        cursor = sentry.next_cursor(headers.get("link", ""))
        if cursor is None or not page or len(found) >= asked.limit:
            document = {"issues": found, "total": sentry.total_of(headers, len(found))}
            return ProviderReply(document=document, next_cursor=cursor)


def _path(facts: Facts, project: str | None) -> str:
    organization = facts.find("scope.org_slug", "config.organization", "config.org_slug")
    if organization is None:
        raise NotConfiguredError("organization is missing")
    project = project or facts.find("scope.project_id", "config.project")
    if project is None:
        return f"/organizations/{segment(organization)}/issues/"
    return f"/projects/{segment(organization)}/{segment(project)}/issues/"
