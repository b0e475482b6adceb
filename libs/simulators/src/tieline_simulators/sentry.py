"""Sentry's REST API: issues of an organization or a project, a page at a time."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NoReturn

from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.records import Record, RecordStandIn
from tieline_simulators.stand_in import strings_or_any

MAX_LIMIT = 100
ISSUES = 60
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PROJECTS = (("11", "checkout", "python"), ("12", "storefront", "javascript"), ("13", "billing", "go"))
SORTS = {"date": "lastSeen", "new": "firstSeen", "freq": "count", "user": "userCount"}
CURSOR = re.compile(r"\d+:(\d+):[01]")
AGO = re.compile(r"-(\d+)([mhdw])")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
TITLES = (
    ("KeyError: 'currency'", "checkout.cart in total"),
    ("TypeError: undefined is not a function", "app/components/Basket in render"),
    ("TimeoutError: payment provider did not answer", "billing.charge in capture"),
    ("ValueError: unknown locale", "storefront.i18n in pick"),
)


class SentrySimulator(RecordStandIn):
    """Three projects in any organization, unless `organizations` names those that exist."""

    name = "sentry"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "organizations"})
    organizations: frozenset[str] | None = None

    def __init__(self, *, issues: int = ISSUES, clock: Callable[[], float] = time.time) -> None:
        super().__init__(_issues(issues), clock=clock)

    def routes(self) -> Sequence[Route]:
        """Return the paths."""
        organization = "/api/0/organizations/{organization}"
        return [
            self.endpoint(f"{organization}/issues/", self.organization_issues),
            self.endpoint(f"{organization}/issues/{{issue}}/", self.one_issue),
            self.endpoint(f"{organization}/projects/", self.projects),
            self.endpoint("/api/0/projects/{organization}/{project}/issues/", self.project_issues),
        ]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `organizations`, slugs."""
        super().apply(settings)
        if "organizations" in settings:
            self.organizations = strings_or_any(settings["organizations"], "organizations")

    def failure(self, status: int) -> Response:
        """Return Sentry's error object."""
        details = {
            401: "Invalid token",
            403: "You do not have permission to perform this action.",
            404: "The requested resource does not exist",
            405: "Method not allowed",
        }
        return json_answer({"detail": details.get(status, "Internal Error")}, status)

    def rate_limited(self, retry_after: float) -> Response:
        """Return Sentry's 429: when to come back is in X-Sentry-Rate-Limit-Reset only."""
        headers = {
            "X-Sentry-Rate-Limit-Limit": "40",
            "X-Sentry-Rate-Limit-Remaining": "0",
            "X-Sentry-Rate-Limit-Reset": str(int(self.clock() + retry_after)),
            "X-Sentry-Rate-Limit-ConcurrentLimit": "25",
            "X-Sentry-Rate-Limit-ConcurrentRemaining": "24",
        }
        return json_answer({"detail": "You are attempting to use this endpoint too frequently."}, 429, headers)

    def changed(self, identifier: str, record: Record | None, changes: Mapping[str, object]) -> Record:
        """Return an issue, seen just now."""
        now = iso(self.now())
        base = record or {**_issue(len(self.records) + 1), "id": identifier, "firstSeen": now}
        return {**base, "lastSeen": now, **changes}

    def organization_issues(self, call: Call) -> Response:
        """List issues; without a query the unresolved ones of all projects."""
        self._authenticate(call)
        wanted = set(call.query.getlist("project")) - {"-1"}
        return self._page(call, [each for each in self._matching(call) if not wanted or _in_project(each, wanted)])

    def project_issues(self, call: Call) -> Response:
        """List a project's issues."""
        self._authenticate(call)
        slug = call.params["project"]
        if not any(slug in project[:2] for project in PROJECTS):
            raise Refused(self.failure(404))
        return self._page(call, [each for each in self._matching(call) if _in_project(each, {slug})])

    def one_issue(self, call: Call) -> Response:
        """Show an issue."""
        self._authenticate(call)
        issue = self.records.get(call.params["issue"])
        if issue is None:
            raise Refused(self.failure(404))
        return json_answer(issue)

    def projects(self, call: Call) -> Response:
        """List the projects."""
        self._authenticate(call)
        return json_answer([_project(*project) for project in PROJECTS])

    def _authenticate(self, call: Call) -> None:
        if "authorization" not in call.headers:
            raise Refused(json_answer({"detail": "Authentication credentials were not provided."}, 401))
        if not self.knows(call.bearer() or ""):
            raise Refused(self.failure(401))
        if self.organizations is not None and call.params["organization"] not in self.organizations:
            raise Refused(self.failure(404))

    def _matching(self, call: Call) -> list[Record]:
        terms = call.query.get("query", "is:unresolved").split()
        found = [each for each in self.records.values() if all(self._holds(term, each) for term in terms)]
        sort = call.query.get("sort", "date")
        if sort not in SORTS:
            _invalid(f"Sort {sort} is not supported here")
        found.sort(key=lambda each: _sort_value(each, SORTS[sort]), reverse=True)
        return found

    def _holds(self, term: str, issue: Record) -> bool:
        name, colon, value = term.partition(":")
        if not colon:
            return term.lower() in str(issue["title"]).lower()
        if name in ("is", "level"):
            return issue["status" if name == "is" else "level"] == value
        if name == "project":
            return _in_project(issue, {value})
        if name not in ("lastSeen", "firstSeen"):
            _invalid(f"Error parsing search query: unknown key {name}")
        return self._seen(value, str(issue[name]))

    def _seen(self, value: str, moment: str) -> bool:
        if ago := AGO.fullmatch(value):
            return moment >= iso(self.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])}))
        bound = value.lstrip("<>=")
        try:
            given = datetime.fromisoformat(bound)
        except ValueError:
            _invalid(f"Error parsing search query: {value} is no date")
        at = iso(given if given.tzinfo else given.replace(tzinfo=UTC))
        comparisons = {">=": moment >= at, ">": moment > at, "<=": moment <= at, "<": moment < at}
        return comparisons.get(value[: len(value) - len(bound)], moment == at)

    def _page(self, call: Call, found: Sequence[Record]) -> Response:
        limit = call.query.get("limit", str(MAX_LIMIT))
        if not limit.isdecimal() or int(limit) < 1:
            _invalid("Invalid limit parameter.")
        size = min(int(limit), MAX_LIMIT)
        cursor = CURSOR.fullmatch(call.query.get("cursor", "0:0:0"))
        if cursor is None:
            _invalid("Invalid cursor parameter.")
        offset = int(cursor[1])
        links = [
            _link(call, "previous", f"0:{max(0, offset - size)}:1", there=offset > 0),
            _link(call, "next", f"0:{offset + size}:0", there=offset + size < len(found)),
        ]
        return json_answer(found[offset : offset + size], headers={"Link": ", ".join(links)})


def iso(moment: datetime) -> str:
    """Return Sentry's form of a time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _link(call: Call, relation: str, cursor: str, *, there: bool) -> str:
    """Return one part of the Link header; both are always there, `results` says whether they lead anywhere."""
    kept = "&".join(part for part in call.query_string.split("&") if part and not part.startswith("cursor="))
    address = f"{call.base_url}{call.path}?{kept}&cursor={cursor}"
    return f'<{address}>; rel="{relation}"; results="{str(there).lower()}"; cursor="{cursor}"'


def _in_project(issue: Record, wanted: set[str]) -> bool:
    project = issue["project"]
    return isinstance(project, Mapping) and bool(wanted & {project["id"], project["slug"]})


def _sort_value(issue: Record, name: str) -> tuple[int, str]:
    """Return a comparable value: counts come as text or number, moments as text."""
    value = str(issue[name])
    return (int(value), "") if value.isdecimal() else (0, value)


def _invalid(reason: str) -> NoReturn:
    raise Refused(json_answer({"detail": reason}, 400))


def _project(identifier: str, slug: str, platform: str) -> dict[str, object]:
    return {"id": identifier, "name": slug.capitalize(), "slug": slug, "platform": platform}


def _issues(count: int) -> Iterator[tuple[str, Record]]:
    return ((str(issue["id"]), issue) for issue in map(_issue, range(1, count + 1)))


def _issue(number: int) -> Record:
    project = PROJECTS[number % len(PROJECTS)]
    title, culprit = TITLES[number % len(TITLES)]
    identifier = str(5_000_000 + number)
    first = START + timedelta(minutes=11 * number)
    return {
        "id": identifier,
        "shareId": None,
        "shortId": f"{project[1].upper()}-{number}",
        "title": title,
        "culprit": culprit,
        "permalink": f"https://tieline-demo.sentry.io/issues/{identifier}/",
        "logger": None,
        "level": ("error", "warning", "fatal")[number % 3],
        "status": "resolved" if number % 5 == 0 else "unresolved",
        "statusDetails": {},
        "substatus": None if number % 5 == 0 else "ongoing",
        "isPublic": False,
        "platform": project[2],
        "project": _project(*project),
        "type": "error",
        "issueType": "error",
        "issueCategory": "error",
        "metadata": {"title": title},
        "numComments": 0,
        "assignedTo": None,
        "isBookmarked": False,
        "isSubscribed": False,
        "subscriptionDetails": None,
        "hasSeen": False,
        "annotations": [],
        "isUnhandled": True,
        "count": str(number * 7 % 400 + 1),
        "userCount": number * 3 % 90,
        "firstSeen": iso(first),
        "lastSeen": iso(first + timedelta(hours=number % 13)),
        "stats": {"24h": []},
        "lifetime": {"count": str(number * 7 % 400 + 1), "userCount": number * 3 % 90, "firstSeen": iso(first)},
        "filtered": None,
        "priority": ("high", "medium", "low")[number % 3],
        "priorityLockedAt": None,
        "seerFixabilityScore": None,
        "seerAutofixLastTriggered": None,
        "seerExplorerAutofixLastTriggered": None,
        "matchingEventId": None,
        "matchingEventEnvironment": None,
    }
