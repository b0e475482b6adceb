"""Linear's GraphQL API and surface C's documents. Values travel as variables, never within a query."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from tieline.contracts.base import JsonObject

from tieline_sync.domain.providers.reading import at, instant, number, objects, text

LARGEST_PAGE: Final = 100  # the server multiplies it by what each node costs
MOST_TEAMS: Final = 2_000

TEAMS: Final = """
query Teams($first: Int!, $after: String) {
  teams(first: $first, after: $after) {
    nodes { id name key issueCount }
    pageInfo { hasNextPage endCursor }
  }
}"""

_SHOWN = (
    "id identifier title priority createdAt url state { name } assignee { name } labels(first: 50) { nodes { name } }"
)

ISSUES: Final = f"""
query Issues($first: Int!, $after: String, $filter: IssueFilter) {{
  issues(first: $first, after: $after, filter: $filter, orderBy: createdAt) {{
    nodes {{ {_SHOWN} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""

ISSUE: Final = f"query Issue($id: String!) {{ issue(id: $id) {{ {_SHOWN} }} }}"

LABELS: Final = """
query Labels($filter: IssueLabelFilter!) {
  issueLabels(first: 250, filter: $filter) { nodes { id name isGroup team { id } } }
}"""

CREATE_LABEL: Final = """
mutation CreateLabel($input: IssueLabelCreateInput!) {
  issueLabelCreate(input: $input) { success issueLabel { id name } }
}"""

CREATE_ISSUE: Final = f"""
mutation CreateIssue($input: IssueCreateInput!) {{
  issueCreate(input: $input) {{ success issue {{ {_SHOWN} }} }}
}}"""


def team_of(team: Mapping[str, Any]) -> JsonObject:
    """Return one entry of the document's teams."""
    return {
        "id": text(team, "id"),
        "name": text(team, "name"),
        "key": text(team, "key"),
        "issueCount": number(team, "issueCount"),
    }


def filter_of(*, team: str | None, status: str | None, assignee: str | None) -> JsonObject:
    """Return the filter of issues that match all that is given; the status' case does not matter."""
    wanted: JsonObject = {}
    if team is not None:
        wanted["team"] = {"id": {"eq": team}}
    if status is not None:
        wanted["state"] = {"name": {"eqIgnoreCase": status}}
    if assignee is not None:
        wanted["assignee"] = {"id": {"eq": assignee}}
    return wanted


def issue_of(issue: Mapping[str, Any]) -> JsonObject:
    """Return one entry of the document's issues."""
    return {
        "id": text(issue, "identifier"),
        "title": text(issue, "title"),
        "status": text(issue, "state", "name"),
        "priority": number(issue, "priority"),
        "assignee": None if at(issue, "assignee") is None else {"name": text(issue, "assignee", "name")},
        "labels": [label["name"] for label in objects(issue, "labels", "nodes") if "name" in label],
        "createdAt": instant(issue, "createdAt"),
    }


def created_of(issue: Any) -> JsonObject:
    """Return the document of an issue that was created."""
    return {
        "id": text(issue, "identifier"),
        "title": text(issue, "title"),
        "status": text(issue, "state", "name"),
        "url": text(issue, "url"),
    }


def issue_id(request_id: str) -> str:
    """Return the id of the issue that a request creates, in the form of a UUID of version 4, as Linear demands it."""
    digest = sha256(f"linear issue {request_id}".encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) % 4]
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def next_cursor(page: Any) -> str | None:
    """Return the cursor of the page after `page`, a connection, or None."""
    return text(page, "pageInfo", "endCursor") if at(page, "pageInfo", "hasNextPage") is True else None


def labels_filter(names: Iterable[str]) -> JsonObject:
    """Return the filter of labels with any of `names`, in any case."""
    return {"or": [{"name": {"eqIgnoreCase": name}} for name in names]}


def label_ids(names: Sequence[str], labels: Any, team_id: str) -> dict[str, str]:
    """Return the ids of labels that a team's issues may have, by name in lower case; its own before shared ones."""
    wanted = {name.lower() for name in names}
    found: dict[str, str] = {}
    usable = [
        each
        for each in objects(labels, "nodes")
        if text(each, "team", "id") in {None, team_id} and at(each, "isGroup") is not True
    ]
    for label in sorted(usable, key=lambda each: text(each, "team", "id") is None):
        name, identifier = text(label, "name"), text(label, "id")
        if name is not None and identifier is not None and name.lower() in wanted:
            found.setdefault(name.lower(), identifier)
    return found


def first_error(answer: Any) -> tuple[str, str] | None:
    """Return code and message of a GraphQL answer's first error, or None."""
    errors = objects(answer, "errors")
    if not errors:
        return None
    extensions = at(errors[0], "extensions")
    code = text(extensions, "code") or text(extensions, "type") or ""
    message = text(extensions, "userPresentableMessage") or text(errors[0], "message") or "no reason was given"
    return code, message


def said(answer: Any) -> str:
    """Return what Linear says of an error."""
    error = first_error(answer)
    return "" if error is None else error[1]
