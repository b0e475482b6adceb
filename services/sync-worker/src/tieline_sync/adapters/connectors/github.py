"""GitHub: the issues of one or more repositories, without their pull requests."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tieline_sync.adapters.connectors.links import next_link
from tieline_sync.adapters.connectors.newest_first import NewestFirstSource, VendorPage, text_of
from tieline_sync.adapters.connectors.vendor import VendorCalls, missing
from tieline_sync.adapters.providers.session import Sessions, Vendor, Verdict
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import ProviderUnavailableError
from tieline_sync.domain.providers.paths import segment
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording

LARGEST_PAGE = 100
PAGE_BY = frozenset({"page", "after"})


def _said(document: Any) -> str:
    return str(document.get("message") or "") if isinstance(document, dict) else ""


def _verdict(document: Any) -> Verdict | None:
    """Tell a rate limit by its text: it is answered with 403 as well as with 429."""
    return "limited" if "rate limit" in _said(document).lower() else None


VENDOR = Vendor(
    name="GitHub",
    address="https://api.github.com",
    headers={"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"},
    authorization=lambda token, _is_oauth: f"Bearer {token}",
    said=_said,
    verdict=_verdict,
)


class GitHubConnector:
    """Needs a token and `repository` or `repositories` (`owner/name`)."""

    providers = ("github",)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def open(self, facts: Facts, *, page_size: int) -> "GitHubIssues":
        """Return the issues. Raises MissingConfigurationError."""
        repositories = facts.find_list("config.repositories", "config.repository", "scope.repositories", "config.repo")
        if not repositories or not all(name.count("/") == 1 for name in repositories):
            raise missing("GitHub", "repository")
        return GitHubIssues(VendorCalls(self._sessions, VENDOR, facts), repositories, min(page_size, LARGEST_PAGE))


class GitHubIssues(NewestFirstSource):
    """Issues by `updated_at`."""

    wording = Wording(service="GitHub", records="issues")

    def __init__(self, calls: VendorCalls, repositories: list[str], page_size: int) -> None:
        super().__init__(repositories)
        self._calls = calls
        self._page_size = page_size

    async def page(self, scope: str, *, since: str | None, page: str | None) -> VendorPage:
        """Return a page of a repository's issues in any state."""
        owner, _, name = scope.partition("/")
        query = [
            ("state", "all"),
            ("sort", "updated"),
            ("direction", "desc"),
            ("per_page", str(self._page_size)),
            *parse_qsl(page or ""),
        ]
        if since:
            query.append(("since", since))
        document, headers = await self._calls.get(f"/repos/{segment(owner)}/{segment(name)}/issues", query)
        return VendorPage(document=document, next=_next_page(headers.get("link", "")))

    def rows(self, document: Any) -> Any:
        """Return the list itself."""
        return document

    def record(self, row: Mapping[str, Any]) -> Record | None:
        """Return an issue, labelled `owner/name#number`; None for a pull request."""
        if "pull_request" in row:
            return None
        repository = "/".join(str(row.get("repository_url") or "").rsplit("/", 2)[-2:])
        return Record(id=text_of(row, "id"), label=f"{repository}#{text_of(row, 'number')}", data=dict(row))

    def updated(self, row: Mapping[str, Any]) -> str:
        """Return `updated_at`, in UTC to the second."""
        return text_of(row, "updated_at")


def _next_page(link: str) -> str | None:
    """Return what asks for the next page: its number, its cursor, or both, as the link has them; None after the last.

    Nothing else of the link is used: its host may be one we must not call.
    """
    address = next_link(link)
    if address is None:
        return None
    found = [(name, text) for name, text in parse_qsl(urlsplit(address).query) if name in PAGE_BY]
    if not found:
        raise ProviderUnavailableError("Unreadable answer (a next page without number or cursor)")
    return urlencode(found)
