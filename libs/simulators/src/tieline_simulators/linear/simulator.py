"""Linear's GraphQL endpoint over a made-up workspace."""

import time
from collections.abc import Callable, Mapping, Sequence

from graphql import GraphQLError, graphql_sync
from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.linear import workspace
from tieline_simulators.linear.execution import Root, resolve_field
from tieline_simulators.linear.schema import served_schema
from tieline_simulators.linear.workspace import Record
from tieline_simulators.records import RecordStandIn

ISSUES = 70
HOURLY_REQUESTS = 5_000


class LinearSimulator(RecordStandIn):
    """One workspace with two teams. Serves what is in `schema.SDL`."""

    name = "linear"

    def __init__(self, *, issues: int = ISSUES, clock: Callable[[], float] = time.time) -> None:
        super().__init__(workspace.issues(issues), clock=clock)
        self._schema = served_schema()
        self._labels = list(workspace.LABELS)

    def routes(self) -> Sequence[Route]:
        """Return the one path."""
        return [self.endpoint("/graphql", self.graphql, "POST")]

    def failure(self, status: int) -> Response:
        """Return an error in GraphQL's form."""
        messages = {
            401: ("Authentication required, not authenticated", "AUTHENTICATION_ERROR"),
            403: ("Forbidden", "FORBIDDEN"),
        }
        message, code = messages.get(status, ("Internal server error", "INTERNAL_SERVER_ERROR"))
        return _errors(status, message, code)

    def rate_limited(self, retry_after: float) -> Response:
        """Return Linear's answer to too many requests, a 400: when to come back is in a header, in milliseconds."""
        answer = _errors(400, "Rate limit exceeded", "RATELIMITED")
        answer.headers.update(self._rate_headers(remaining=0, reset_after=retry_after))
        return answer

    def changed(self, identifier: str, record: Record | None, changes: Mapping[str, object]) -> Record:
        """Return an issue, updated just now; `changes` may name its `stateId`, `teamId`, `assigneeId`, `labelIds`."""
        now = self.now()
        base = record or {**workspace.issue(len(self.records) + 1, at=now), "id": identifier}
        updated = {**base, "updatedAt": workspace.iso(now)}
        related = {"stateId": workspace.WORKFLOW_STATES, "teamId": workspace.TEAMS, "assigneeId": workspace.USERS}
        for name, value in changes.items():
            if name in related:
                updated[name.removesuffix("Id")] = workspace.find(related[name], value)
            elif name == "labelIds" and isinstance(value, list):
                updated["labels"] = [each for each in self._labels if each["id"] in value]
            else:
                updated[name] = value
        return updated

    def graphql(self, call: Call) -> Response:
        """Execute a query or mutation."""
        token = call.bearer() or call.headers.get("authorization", "")
        if not self.knows(token):
            raise Refused(self.failure(401))
        query, variables = call.fields.get("query"), call.fields.get("variables") or {}
        if not isinstance(query, str) or not isinstance(variables, dict):
            raise Refused(_errors(400, "Must provide query string.", "BAD_REQUEST"))
        operation = call.fields.get("operationName")
        result = graphql_sync(
            self._schema,
            query,
            root_value=Root(self.records, self._labels, create=self.create, create_label=self.create_label),
            variable_values=variables,
            operation_name=operation if isinstance(operation, str) else None,
            field_resolver=resolve_field,
        )
        answer: Record = {"data": result.data}
        if result.errors:
            answer["errors"] = [_described(error) for error in result.errors]
            if result.data is None:
                invalid = all(error.path is None for error in result.errors)
                raise Refused(json_answer(answer, 400 if invalid else 200, self._rate_headers()))
        return json_answer(answer, headers=self._rate_headers())

    def create(self, given: Mapping[str, object]) -> Record:
        """Create an issue. Raises GraphQLError when the team is unknown, the title missing, or the id taken."""
        if given.get("id") in self.records:
            raise GraphQLError("An issue with this id exists already", extensions={"code": "INVALID_INPUT"})
        team = workspace.find(workspace.TEAMS, given["teamId"])
        if team is None:
            raise GraphQLError("Entity not found: Team", extensions={"code": "INPUT_ERROR"})
        if not given.get("title"):
            raise GraphQLError("Argument Validation Error", extensions={"code": "INVALID_INPUT"})
        number = len(self.records) + 1
        identifier = f"{team['key']}-{number}"
        state = next(each for each in workspace.WORKFLOW_STATES if each["team"] is team)
        changes = {
            "number": number,
            "identifier": identifier,
            "url": f"https://linear.app/tieline-demo/issue/{identifier}",
            "state": state,
            "labels": [],
            "assignee": None,
            "priority": 0,
            **{name: value for name, value in given.items() if name != "id" and value is not None},
        }
        identity = str(given.get("id") or workspace.stable_id(f"issue/{number}"))
        self.put(identity, {**changes, "priorityLabel": workspace.PRIORITY_LABELS[int(str(changes["priority"]))]})
        return self.records[identity]

    def create_label(self, given: Mapping[str, object]) -> Record:
        """Create a label for a team, or for all. Raises GraphQLError when the team is unknown or the name taken."""
        team = workspace.find(workspace.TEAMS, given.get("teamId"))
        if given.get("teamId") is not None and team is None:
            raise GraphQLError("Entity not found: Team", extensions={"code": "INPUT_ERROR"})
        name = str(given["name"])
        if any(str(each["name"]).lower() == name.lower() and each["team"] in (None, team) for each in self._labels):
            raise GraphQLError("A label with this name exists already", extensions={"code": "INVALID_INPUT"})
        label = workspace.label(name, team, at=self.now())
        self._labels.append(label)
        return label

    def _rate_headers(self, *, remaining: int = HOURLY_REQUESTS - 1, reset_after: float = 3_600) -> dict[str, str]:
        return {
            "X-RateLimit-Requests-Limit": str(HOURLY_REQUESTS),
            "X-RateLimit-Requests-Remaining": str(remaining),
            "X-RateLimit-Requests-Reset": str(int((self.clock() + reset_after) * 1000)),
        }


def _described(error: GraphQLError) -> Record:
    described: Record = dict(error.formatted)
    described.setdefault("extensions", {"code": "GRAPHQL_VALIDATION_FAILED"})
    return described


def _errors(status: int, message: str, code: str) -> Response:
    return json_answer({"errors": [{"message": message, "extensions": {"code": code}}]}, status)
