"""Jira Cloud's REST API v3 over two made-up projects."""

import math
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, NoReturn

from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.credentials import basic_credentials
from tieline_simulators.jira.jql import DATES, NUMBERED, JqlError, number_of, parse
from tieline_simulators.records import Record, RecordStandIn
from tieline_simulators.stand_in import InvalidConfigurationError

ISSUES = 55
MAX_RESULTS = 100  # with fields; ids alone may be 5,000 a page
MAX_IDS = 5_000
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PROJECTS = (("10000", "SHOP", "Shop"), ("10001", "OPS", "Operations"))
STATUSES = (("1", "To Do", "new"), ("3", "In Progress", "indeterminate"), ("5", "Done", "done"))
PRIORITIES = ("Highest", "High", "Medium", "Low")
PEOPLE = ("Mira Okafor", "Jonas Lind", "Priya Raman")


class JiraSimulator(RecordStandIn):
    """One site. `utc_offset_minutes` is the user's zone, in which dates in JQL are read and dates are shown."""

    name = "jira"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "utc_offset_minutes"})

    def __init__(self, *, issues: int = ISSUES, clock: Callable[[], float] = time.time) -> None:
        super().__init__(_issues(issues), clock=clock)
        self.utc_offset = timedelta(0)

    def routes(self) -> Sequence[Route]:
        """Return the paths."""
        return [
            self.endpoint("/rest/api/3/search/jql", self.search, "GET", "POST"),
            self.endpoint("/rest/api/3/search", self.removed, "GET", "POST"),
            self.endpoint("/rest/api/3/issue/{key}", self.one_issue),
            self.endpoint("/rest/api/3/myself", self.myself),
        ]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `utc_offset_minutes`."""
        super().apply(settings)
        minutes = settings.get("utc_offset_minutes", 0)
        if isinstance(minutes, bool) or not isinstance(minutes, int):
            raise InvalidConfigurationError("'utc_offset_minutes' is a whole number")
        if "utc_offset_minutes" in settings:
            self.utc_offset = timedelta(minutes=minutes)

    def failure(self, status: int) -> Response:
        """Return Jira's error collection."""
        messages = {
            401: "Client must be authenticated to access this resource.",
            403: "You do not have the permission to see the specified issue.",
            404: "Issue does not exist or you do not have permission to see it.",
        }
        return _errors(status, messages.get(status, "Internal server error"))

    def rate_limited(self, retry_after: float) -> Response:
        """Return Jira's 429."""
        answer = _errors(429, "Rate limit exceeded.")
        seconds = max(1, math.ceil(retry_after))
        reset = (self.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%MZ")
        answer.headers.update({"Retry-After": str(seconds), "X-RateLimit-Reset": reset})
        return answer

    def changed(self, identifier: str, record: Record | None, changes: Mapping[str, object]) -> Record:
        """Return an issue, updated just now; `changes` holds `fields` and, for a new one, `key`."""
        base = record or {**_issue(len(self.records) + 1), "id": identifier}
        fields, given = base["fields"], changes.get("fields", {})
        if not isinstance(fields, dict) or not isinstance(given, dict):
            raise TypeError("'fields' is an object")
        updated = {"updated": stamp(self.now()), **({} if record else {"created": stamp(self.now())})}
        return {**base, "key": changes.get("key", base["key"]), "fields": {**fields, **updated, **given}}

    def search(self, call: Call) -> Response:
        """Answer one page of a JQL search; there is no total, and `nextPageToken` is absent on the last page."""
        self._authenticate(call)
        given = call.fields if call.method == "POST" else call.query
        jql = str(given.get("jql") or "")
        try:
            search = parse(jql, now=self.now(), utc_offset=self.utc_offset)
        except JqlError as error:
            _refuse(str(error))
        if search.condition is None:
            _refuse("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
        found = [each for each in self.records.values() if search.condition(partial(_value, each))]
        for field, descending in reversed(search.order or (("created", True),)):
            found.sort(key=partial(_sort_key, field), reverse=descending)
        fields = _fields(given.get("fields"))
        size = _size(given.get("maxResults"), MAX_RESULTS if fields - {"id", "key"} else MAX_IDS)
        offset = _offset(str(given.get("nextPageToken") or ""), jql)
        page = found[offset : offset + size]
        answer: Record = {
            "issues": [self._shown(each, fields) for each in page],
            "isLast": offset + size >= len(found),
        }
        if not answer["isLast"]:
            answer["nextPageToken"] = _token(offset + size, jql)
        return json_answer(answer)

    def removed(self, call: Call) -> Response:
        """Say that the old search is gone."""
        self._authenticate(call)
        raise Refused(_errors(410, "The requested API has been removed. Please use /rest/api/3/search/jql instead."))

    def one_issue(self, call: Call) -> Response:
        """Show an issue by id or key."""
        self._authenticate(call)
        wanted = call.params["key"]
        for issue in self.records.values():
            if wanted in (issue["id"], issue["key"]):
                return json_answer(self._shown(issue, {"*all"}))
        raise Refused(self.failure(404))

    def myself(self, call: Call) -> Response:
        """Say who calls."""
        self._authenticate(call)
        return json_answer({**_person(0), "emailAddress": "mira@example.com", "timeZone": "Etc/UTC", "locale": "en_US"})

    def _authenticate(self, call: Call) -> None:
        basic = basic_credentials(call.headers.get("authorization", ""))
        if not self.knows(basic[1] if basic and basic[0] else call.bearer() or ""):
            raise Refused(self.failure(401))

    def _shown(self, issue: Record, wanted: set[str]) -> Record:
        if not wanted - {"id"}:
            return {"id": issue["id"]}
        fields = issue["fields"]
        shown = {
            name: self._in_zone(name, value)
            for name, value in (fields.items() if isinstance(fields, dict) else ())
            if name in wanted or wanted & {"*all", "*navigable"}
        }
        expand = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
        return {"expand": expand, "id": issue["id"], "self": issue["self"], "key": issue["key"], "fields": shown}

    def _in_zone(self, name: str, value: object) -> object:
        """Return a date in the user's zone, any other value as it is."""
        if name not in DATES or not isinstance(value, str):
            return value
        return stamp(datetime.fromisoformat(value), self.utc_offset)


def stamp(moment: datetime, utc_offset: timedelta = timedelta(0)) -> str:
    """Return Jira's form of a time: milliseconds, and an offset without colon."""
    local = (moment.astimezone(UTC) + utc_offset).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    minutes = int(utc_offset.total_seconds() // 60)
    return f"{local}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _value(issue: Record, field: str) -> object:
    """Return what JQL compares."""
    fields = issue["fields"]
    if field in NUMBERED:
        return issue[field]
    value = fields.get(field) if isinstance(fields, dict) else None
    if field in DATES:
        return datetime.fromisoformat(str(value))
    if isinstance(value, dict):
        return value.get("key") or value.get("displayName") or value.get("name")
    return value


def _sort_key(field: str, issue: Record) -> tuple[bool, float, str]:
    value = _value(issue, field)
    if isinstance(value, datetime):
        return (False, value.timestamp(), "")
    if field in NUMBERED:
        return (False, number_of(str(value)), str(value))
    return (value is None, 0, str(value))


def _fields(given: object) -> set[str]:
    if given is None:
        return {"id"}
    names = given if isinstance(given, list) else str(given).split(",")
    return {str(name).strip() for name in names}


def _size(given: object, most: int) -> int:
    text = str(50 if given is None else given)
    if not text.isdecimal() or int(text) < 1:
        _refuse("maxResults must be a number from 1.")
    return min(int(text), most)


def _token(offset: int, jql: str) -> str:
    return urlsafe_b64encode(f"{offset}:{jql}".encode()).decode()


def _offset(token: str, jql: str) -> int:
    """Read a page token, which is good for the query it came from only."""
    if not token:
        return 0
    try:
        offset, _, of = urlsafe_b64decode(token).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        _refuse("The provided next page token is invalid.")
    if of != jql or not offset.isdecimal():
        _refuse("The provided next page token is invalid.")
    return int(offset)


def _errors(status: int, message: str) -> Response:
    return json_answer({"errorMessages": [message], "errors": {}}, status)


def _refuse(message: str) -> NoReturn:
    raise Refused(_errors(400, message))


def _issues(count: int) -> Iterator[tuple[str, Record]]:
    return ((str(issue["id"]), issue) for issue in map(_issue, range(1, count + 1)))


def _issue(number: int) -> Record:
    project_id, project_key, project_name = PROJECTS[number % len(PROJECTS)]
    identifier, (status_id, status, category) = str(20_000 + number), STATUSES[number % len(STATUSES)]
    created = START + timedelta(minutes=19 * number, milliseconds=number * 7 % 1000)
    site = "https://tieline-demo.atlassian.net/rest/api/3"
    text = {"type": "text", "text": "Seen in the demo shop."}
    return {
        "id": identifier,
        "key": f"{project_key}-{number}",
        "self": f"{site}/issue/{identifier}",
        "fields": {
            "summary": f"Refund for order {number} is shown twice",
            "description": {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]},
            "issuetype": {"id": "10002", "name": ("Bug", "Task")[number % 2], "subtask": False},
            "project": {"id": project_id, "key": project_key, "name": project_name},
            "status": {"id": status_id, "name": status, "statusCategory": {"key": category}},
            "priority": {"id": str(number % 4 + 1), "name": PRIORITIES[number % 4]},
            "assignee": _person(number) if number % 3 else None,
            "reporter": _person(number + 1),
            "resolution": {"id": "10000", "name": "Done"} if category == "done" else None,
            "labels": ["demo"],
            "created": stamp(created),
            "updated": stamp(created + timedelta(hours=number % 9)),
        },
    }


def _person(number: int) -> dict[str, object]:
    index = number % len(PEOPLE)
    return {
        "accountId": f"712020:tieline-{index}",
        "accountType": "atlassian",
        "displayName": PEOPLE[index],
        "active": True,
    }
