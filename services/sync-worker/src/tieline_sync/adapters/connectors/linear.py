"""Linear: issues, archived ones too."""

from collections.abc import Mapping
from typing import Any

from tieline_sync.adapters.connectors.newest_first import NewestFirstSource, VendorPage, text_of
from tieline_sync.adapters.connectors.vendor import VendorCalls
from tieline_sync.adapters.providers.linear import VENDOR
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.errors import ProviderRefusedError
from tieline_sync.domain.providers import linear
from tieline_sync.domain.providers.reading import at
from tieline_sync.domain.records import Record
from tieline_sync.domain.runs import Wording

# A page's cost grows with what each issue brings along; 50 with their labels stay far below the limit for one query.
LARGEST_PAGE = 50
ALL = ""

ISSUES = """
query SyncedIssues($first: Int!, $after: String, $filter: IssueFilter) {
  issues(first: $first, after: $after, filter: $filter, orderBy: updatedAt, includeArchived: true) {
    nodes {
      id identifier number title description url branchName priority priorityLabel estimate trashed
      createdAt updatedAt archivedAt startedAt completedAt canceledAt dueDate
      state { id name type } team { id key name } assignee { id name email } creator { id name email }
      labels(first: 20) { nodes { id name } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""


class LinearConnector:
    """Needs an API key or an OAuth token; `teams` (keys such as `ENG`) narrows it down."""

    providers = ("linear",)

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def open(self, facts: Facts, *, page_size: int) -> "LinearIssues":
        """Return the issues. Raises MissingConfigurationError."""
        teams = facts.find_list("config.teams", "config.team", "scope.teams")
        return LinearIssues(VendorCalls(self._sessions, VENDOR, facts), teams or [ALL], min(page_size, LARGEST_PAGE))


class LinearIssues(NewestFirstSource):
    """Issues by `updatedAt`."""

    wording = Wording(service="Linear", records="issues")

    def __init__(self, calls: VendorCalls, teams: list[str], page_size: int) -> None:
        super().__init__(teams)
        self._calls = calls
        self._page_size = page_size

    async def page(self, scope: str, *, since: str | None, page: str | None) -> VendorPage:
        """Return a page of a team's issues, of all for the scope of that name."""
        wanted: dict[str, Any] = {}
        if since:
            wanted["updatedAt"] = {"gte": since}
        if scope != ALL:
            wanted["team"] = {"key": {"eq": scope}}
        variables = {"first": self._page_size, "after": page, "filter": wanted}
        document, _ = await self._calls.call("POST", "", json={"query": ISSUES, "variables": variables})
        error = linear.first_error(document)
        if error is not None:
            raise ProviderRefusedError(f"{error[1]}. Check this integration's rights")
        return VendorPage(document=document, next=linear.next_cursor(at(document, "data", "issues")))

    def rows(self, document: Any) -> Any:
        """Return the nodes."""
        return at(document, "data", "issues", "nodes")

    def record(self, row: Mapping[str, Any]) -> Record:
        """Return an issue, labelled with its identifier (ENG-12)."""
        return Record(id=text_of(row, "id"), label=text_of(row, "identifier"), data=dict(row))

    def updated(self, row: Mapping[str, Any]) -> str:
        """Return `updatedAt`, in UTC to the millisecond."""
        return text_of(row, "updatedAt")
