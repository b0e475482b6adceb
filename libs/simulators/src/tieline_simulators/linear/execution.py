"""Resolves the fields of Linear's schema from records."""

from collections.abc import Callable, Mapping, Sequence

from graphql import GraphQLError, GraphQLResolveInfo

from tieline_simulators.linear import workspace
from tieline_simulators.linear.filters import InvalidFilterError, matches
from tieline_simulators.linear.workspace import Record

DEFAULT_PAGE, MAX_PAGE = 50, 250


class Root:
    """Resolvers of Query and Mutation; the arguments' names are Linear's."""

    def __init__(
        self,
        records: Mapping[str, Record],
        labels: Sequence[Record],
        *,
        create: Callable[[Mapping[str, object]], Record],
        create_label: Callable[[Mapping[str, object]], Record],
    ) -> None:
        self._records = records
        self.labels = labels
        self._create = create
        self._create_label = create_label

    def issues_in(self, team: Mapping[str, object] | None) -> list[Record]:
        """Return a team's issues, all teams' for None."""
        return [each for each in self._records.values() if team is None or each["team"] is team]

    def issues_of(self, team: Mapping[str, object] | None, arguments: Mapping[str, object]) -> Record:
        """Return a page of issues, newest first by what `orderBy` names."""
        wanted = arguments.get("filter") or {}
        if not isinstance(wanted, Mapping):
            raise GraphQLError("filter must be an object")
        try:
            found = [each for each in self.issues_in(team) if matches(each, wanted)]
        except InvalidFilterError as error:
            raise GraphQLError(str(error), extensions={"code": "INPUT_ERROR"}) from error
        by = str(arguments.get("orderBy") or "createdAt")
        found.sort(key=lambda each: (str(each[by]), str(each["id"])), reverse=True)
        return connection(found, arguments)

    def resolve(self, name: str, arguments: dict[str, object]) -> object:
        """Return the value of a root field."""
        identifier = arguments.get("id")
        if name == "issues":
            return self.issues_of(None, arguments)
        if name == "issue":
            return _found(
                "Issue", [each for each in self.issues_in(None) if identifier in (each["id"], each["identifier"])]
            )
        if name == "team":
            return _found("Team", [each for each in workspace.TEAMS if identifier in (each["id"], each["key"])])
        if name == "issueCreate":
            given = arguments["input"]
            issue = self._create(given if isinstance(given, Mapping) else {})
            return {"success": True, "lastSyncId": float(len(self._records)), "issue": issue}
        if name == "issueLabelCreate":
            given = arguments["input"]
            label = self._create_label(given if isinstance(given, Mapping) else {})
            return {"success": True, "lastSyncId": float(len(self.labels)), "issueLabel": label}
        if name == "viewer":
            return workspace.USERS[0]
        if name == "organization":
            return workspace.ORGANIZATION
        lists = {
            "teams": workspace.TEAMS,
            "users": workspace.USERS,
            "issueLabels": self.labels,
            "workflowStates": workspace.WORKFLOW_STATES,
        }
        wanted = arguments.get("filter") or {}
        return connection(
            [each for each in lists[name] if isinstance(wanted, Mapping) and matches(each, wanted)], arguments
        )


def resolve_field(source: object, info: GraphQLResolveInfo[None], **arguments: object) -> object:
    """Return a field's value: from the root, computed for teams' and issues' lists, else the record's own."""
    name = info.field_name
    if isinstance(source, Root):
        return source.resolve(name, arguments)
    if not isinstance(source, Mapping):
        return None
    if info.parent_type.name == "Team" and name in _OF_TEAM:
        return _OF_TEAM[name](info.root_value, source, arguments)
    if info.parent_type.name == "Issue" and name == "labels":
        return connection(source["labels"], arguments)
    if info.parent_type.name == "Issue" and name == "labelIds":
        return [each["id"] for each in source["labels"]]
    return source.get(name)


_OF_TEAM: dict[str, Callable[[Root, Mapping[str, object], Mapping[str, object]], object]] = {
    "issues": lambda root, team, arguments: root.issues_of(team, arguments),
    "issueCount": lambda root, team, _: len(root.issues_in(team)),
    "labels": lambda root, team, arguments: connection(
        [each for each in root.labels if each["team"] in (None, team)], arguments
    ),
    "states": lambda _, team, arguments: connection(
        [each for each in workspace.WORKFLOW_STATES if each["team"] is team], arguments
    ),
}


def connection(records: Sequence[Record], arguments: Mapping[str, object]) -> Record:
    """Return a page of records; a cursor is the id of the record before or after which the page begins."""
    first, last = (arguments.get(name) for name in ("first", "last"))
    size = first if isinstance(first, int) else last if isinstance(last, int) else DEFAULT_PAGE
    if not 1 <= size <= MAX_PAGE:
        raise GraphQLError(f"first and last are from 1 to {MAX_PAGE}", extensions={"code": "INPUT_ERROR"})
    ids = [each["id"] for each in records]
    low, high = 0, len(records)
    for name in ("after", "before"):
        cursor = arguments.get(name)
        if cursor is None:
            continue
        if cursor not in ids:
            raise GraphQLError(f"{name} is not a valid cursor", extensions={"code": "INPUT_ERROR"})
        low, high = (ids.index(cursor) + 1, high) if name == "after" else (low, ids.index(cursor))
    backwards = last is not None or (first is None and arguments.get("before") is not None)
    low, high = (max(low, high - size), high) if backwards else (low, min(high, low + size))
    page = list(records[low:high])
    return {
        "nodes": page,
        "edges": [{"cursor": each["id"], "node": each} for each in page],
        "pageInfo": {
            "startCursor": page[0]["id"] if page else None,
            "endCursor": page[-1]["id"] if page else None,
            "hasNextPage": high < len(records),
            "hasPreviousPage": low > 0,
        },
    }


def _found(kind: str, records: Sequence[Record]) -> Record:
    if not records:
        raise GraphQLError(f"Entity not found: {kind}", extensions={"code": "INPUT_ERROR"})
    return records[0]
