"""Linear: teams, issues, creating issues."""

from typing import Any

from tieline.contracts.base import JsonObject
from tieline.provider_client import CreateLinearIssue, ListLinearIssues, ListTeams

from tieline_sync.adapters.providers.session import Session, Sessions, Vendor, Verdict
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers import linear
from tieline_sync.domain.providers.errors import (
    LONGEST_SAID,
    CredentialsRefusedError,
    UpstreamError,
)
from tieline_sync.domain.providers.reading import at, objects, text
from tieline_sync.handlers.provider_ports import ProviderReply


def _authorization(token: str, is_oauth: bool) -> str:
    """Return a personal key as it is, a token of OAuth behind `Bearer`."""
    is_token = is_oauth or token.startswith("lin_oauth_")
    return f"Bearer {token}" if is_token and not token.startswith("lin_api_") else token


def _verdict(document: Any) -> Verdict | None:
    error = linear.first_error(document)
    return None if error is None else _VERDICTS.get(error[0].upper())


_VERDICTS: dict[str, Verdict] = {"RATELIMITED": "limited", "AUTHENTICATION_ERROR": "refused"}

VENDOR = Vendor(
    name="Linear",
    address="https://api.linear.app",
    root="/graphql",
    headers={"accept": "application/json"},
    authorization=_authorization,
    said=linear.said,
    verdict=_verdict,
)


class Linear:
    """One workspace's Linear per call."""

    vendor = VENDOR

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def perform(self, facts: Facts, operation: Any) -> ProviderReply:
        """Make the calls of one operation. Raises ProviderCallError."""
        session = self._sessions.open(VENDOR, facts)
        match operation:
            case ListTeams():
                return await _teams(session)
            case ListLinearIssues():
                return await _issues(session, operation)
            case CreateLinearIssue():
                return await _create(session, operation)
        raise AssertionError(f"not an operation of Linear: {operation!r}")


async def _query(session: Session, query: str, **variables: Any) -> Any:
    """Return `data`. Raises UpstreamError for an answer with errors, whatever its status."""
    answer, _ = await session.call("POST", "", json={"query": query, "variables": variables})
    error = linear.first_error(answer)
    if error is not None:
        raise UpstreamError(error[1][:LONGEST_SAID], is_outage=False)
    if at(answer, "data") is None:
        raise UpstreamError("The response holds no data")
    return answer["data"]


async def _teams(session: Session) -> ProviderReply:
    found: list[JsonObject] = []
    cursor: str | None = None
    while True:
        data = await _query(session, linear.TEAMS, first=linear.LARGEST_PAGE, after=cursor)
        found += map(linear.team_of, objects(data, "teams", "nodes"))
        cursor = linear.next_cursor(at(data, "teams"))
        if cursor is None or len(found) >= linear.MOST_TEAMS:
            return ProviderReply(document={"teams": found})


async def _issues(session: Session, asked: ListLinearIssues) -> ProviderReply:
    wanted = linear.filter_of(team=asked.team, status=asked.status, assignee=asked.assignee)
    found: list[JsonObject] = []
    cursor = asked.cursor
    while True:
        size = min(asked.limit - len(found), linear.LARGEST_PAGE)
        data = await _query(session, linear.ISSUES, first=size, after=cursor, filter=wanted)
        issues = objects(data, "issues", "nodes")
        found += map(linear.issue_of, issues)
        cursor = linear.next_cursor(at(data, "issues"))
        if cursor is None or not issues or len(found) >= asked.limit:
            return ProviderReply(document={"issues": found, "total": len(found)}, next_cursor=cursor)


async def _create(session: Session, asked: CreateLinearIssue) -> ProviderReply:
    issue_id = linear.issue_id(asked.request_id)
    wanted: JsonObject = {"id": issue_id, "title": asked.title, "teamId": asked.team_id}
    if asked.description is not None:
        wanted["description"] = asked.description
    if asked.priority is not None:
        wanted["priority"] = asked.priority
    if asked.labels:
        wanted["labelIds"] = await _labels(session, asked.labels, asked.team_id)
    try:
        data = await _query(session, linear.CREATE_ISSUE, input=wanted)
        issue = at(data, "issueCreate", "issue")
    except UpstreamError as error:
        issue = await _created_before(session, issue_id, error)
    if issue is None:
        raise UpstreamError("Linear did not create the issue", is_outage=False)
    return ProviderReply(document=linear.created_of(issue))


async def _created_before(session: Session, issue_id: str, error: UpstreamError) -> Any:
    """Return the issue that the same request has created before; raise `error` again when it has not."""
    if error.is_outage or error.retry_after is not None or isinstance(error, CredentialsRefusedError):
        raise error
    try:
        data = await _query(session, linear.ISSUE, id=issue_id)
    except UpstreamError:
        raise error from None
    return at(data, "issue")


async def _labels(session: Session, names: list[str], team_id: str) -> list[str]:
    """Return the ids of labels by name; those that the team does not have are created for it."""
    data = await _query(session, linear.LABELS, filter=linear.labels_filter(names))
    known = linear.label_ids(names, at(data, "issueLabels"), team_id)
    for name in dict.fromkeys(names):
        if name.lower() in known:
            continue
        created = await _query(session, linear.CREATE_LABEL, input={"name": name, "teamId": team_id})
        identifier = text(created, "issueLabelCreate", "issueLabel", "id")
        if identifier is None:
            raise UpstreamError(f"Linear did not create the label {name}"[:LONGEST_SAID], is_outage=False)
        known[name.lower()] = identifier
    return [known[name] for name in dict.fromkeys(name.lower() for name in names)]
