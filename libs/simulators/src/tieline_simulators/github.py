"""GitHub's REST API: a repository's issues."""

import math
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

API = "https://api.github.com"
DOCS = "https://docs.github.com/rest"
ISSUES = 45
MAX_PER_PAGE = 100
REPOSITORY_ID = 811_000_001
HOURLY_LIMIT = 5_000
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LOGINS = ("mira-okafor", "jonas-lind", "priya-raman")
LABELS = ("bug", "docs", "good first issue")
REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
SORTS = {"created": "created_at", "updated": "updated_at", "comments": "comments"}


class GitHubSimulator(RecordStandIn):
    """One repository under any name, unless `repositories` names those that exist (`owner/name`).

    As there, a list of issues holds pull requests too: those with a `pull_request` member.
    """

    name = "github"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "repositories"})
    repositories: frozenset[str] | None = None

    def __init__(self, *, issues: int = ISSUES, clock: Callable[[], float] = time.time) -> None:
        super().__init__(_issues(issues), clock=clock)

    def routes(self) -> Sequence[Route]:
        """Return the paths; page links lead through the one with the repository's id."""
        return [
            self.endpoint("/repos/{owner}/{repository}/issues", self.issues),
            self.endpoint("/repos/{owner}/{repository}/issues/{number}", self.one_issue),
            self.endpoint("/repositories/{id}/issues", self.issues),
            self.endpoint("/user", self.user),
        ]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `repositories`."""
        super().apply(settings)
        if "repositories" in settings:
            self.repositories = strings_or_any(settings["repositories"], "repositories")

    def failure(self, status: int) -> Response:
        """Return GitHub's error object."""
        messages = {401: "Bad credentials", 403: "Resource not accessible by personal access token", 404: "Not Found"}
        body = {"message": messages.get(status, "Server Error"), "documentation_url": DOCS, "status": str(status)}
        return json_answer(body, status)

    def rate_limited(self, retry_after: float) -> Response:
        """Return the answer to a secondary rate limit, which is a 403 with Retry-After there."""
        seconds = str(max(1, math.ceil(retry_after)))
        body = {
            "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            "documentation_url": f"{DOCS}/using-the-rest-api/rate-limits-for-the-rest-api",
        }
        return json_answer(body, 403, {**self._rate_headers(), "Retry-After": seconds})

    def changed(self, identifier: str, record: Record | None, changes: Mapping[str, object]) -> Record:
        """Return an issue, updated just now; its id is its number."""
        now = iso(self.now())
        base = record or {**_issue(int(identifier)), "created_at": now, "closed_at": None, "state": "open"}
        return {**base, "updated_at": now, **{name: value for name, value in changes.items() if name != "id"}}

    def issues(self, call: Call) -> Response:
        """List issues and pull requests."""
        self._authenticate(call)
        self._check_repository(call)
        size = min(_whole(call, "per_page", 30), MAX_PER_PAGE)
        page = _whole(call, "page", 1)
        found = self._matching(call)
        headers = self._rate_headers()
        if link := _link(call, page, math.ceil(len(found) / size)):
            headers["Link"] = link
        return json_answer(found[(page - 1) * size : page * size], headers=headers)

    def one_issue(self, call: Call) -> Response:
        """Show an issue."""
        self._authenticate(call)
        self._check_repository(call)
        issue = self.records.get(call.params["number"])
        if issue is None:
            raise Refused(self.failure(404))
        return json_answer(issue, headers=self._rate_headers())

    def user(self, call: Call) -> Response:
        """Say who the token belongs to."""
        self._authenticate(call)
        return json_answer(_user(0), headers=self._rate_headers())

    def _authenticate(self, call: Call) -> None:
        if "authorization" not in call.headers:
            body = {"message": "Requires authentication", "documentation_url": DOCS, "status": "401"}
            raise Refused(json_answer(body, 401))
        if not self.knows(call.bearer() or call.bearer("token") or ""):
            raise Refused(self.failure(401))

    def _check_repository(self, call: Call) -> None:
        if "id" in call.params:
            known = call.params["id"] == str(REPOSITORY_ID)
        else:
            name = f"{call.params['owner']}/{call.params['repository']}"
            known = self.repositories is None or name in self.repositories
        if not known:
            raise Refused(self.failure(404))

    def _matching(self, call: Call) -> list[Record]:
        state = _choice(call, "state", ("open", "closed", "all"), "open")
        sort = _choice(call, "sort", tuple(SORTS), "created")
        direction = _choice(call, "direction", ("desc", "asc"), "desc")
        since = call.query.get("since", "")
        wanted = {label for label in call.query.get("labels", "").split(",") if label}
        found = [
            each
            for each in self.records.values()
            if (state in ("all", each["state"]) and str(each["updated_at"]) >= since and wanted <= _labels(each))
        ]
        found.sort(key=lambda each: (str(each[SORTS[sort]]), _number(each)), reverse=direction == "desc")
        return found

    def _rate_headers(self) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(HOURLY_LIMIT),
            "x-ratelimit-remaining": str(HOURLY_LIMIT - 1),
            "x-ratelimit-reset": str(int(self.clock()) + 3_600),
            "x-ratelimit-used": "1",
            "x-ratelimit-resource": "core",
        }


def iso(moment: datetime) -> str:
    """Return GitHub's form of a time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _link(call: Call, page: int, pages: int) -> str:
    """Return the Link header: no `prev` and `first` on the first page, no `next` and `last` on the last."""
    numbers = {}
    if page > 1:
        numbers["prev"] = page - 1
    if page < pages:
        numbers |= {"next": page + 1, "last": pages}
    if page > 1:
        numbers["first"] = 1
    kept = "&".join(part for part in call.query_string.split("&") if part and not part.startswith("page="))
    address = f"{call.base_url}/repositories/{REPOSITORY_ID}/issues?{kept}{'&' if kept else ''}page="
    return ", ".join(f'<{address}{number}>; rel="{relation}"' for relation, number in numbers.items())


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return max(1, int(text)) if text.isdecimal() else default


def _choice(call: Call, name: str, choices: tuple[str, ...], default: str) -> str:
    value = call.query.get(name, default)
    if value not in choices:
        _invalid(name)
    return value


def _invalid(field: str) -> NoReturn:
    errors = [{"resource": "Issue", "code": "invalid", "field": field}]
    body = {"message": "Validation Failed", "errors": errors, "documentation_url": DOCS, "status": "422"}
    raise Refused(json_answer(body, 422))


def _labels(issue: Record) -> set[object]:
    labels = issue["labels"]
    return {label["name"] for label in labels} if isinstance(labels, list) else set()


def _number(issue: Record) -> int:
    return int(str(issue["number"]))


def _issues(count: int) -> Iterator[tuple[str, Record]]:
    return ((str(number), _issue(number)) for number in range(1, count + 1))


def _issue(number: int) -> Record:
    repository = f"{API}/repos/tieline-demo/shop"
    url = f"{repository}/issues/{number}"
    page = f"https://github.com/tieline-demo/shop/issues/{number}"
    created = START + timedelta(minutes=23 * number)
    closed = number % 4 == 0
    updated = iso(created + timedelta(hours=number % 11))
    issue: Record = {
        "url": url,
        "repository_url": repository,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "id": 2_000_000_000 + number,
        "node_id": f"I_tieline{number}",
        "number": number,
        "title": f"Basket total is wrong with coupon {number}",
        "user": _user(number),
        "labels": [_label(number)],
        "state": "closed" if closed else "open",
        "locked": False,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": number % 6,
        "created_at": iso(created),
        "updated_at": updated,
        "closed_at": updated if closed else None,
        "author_association": "MEMBER",
        "active_lock_reason": None,
        "body": "Seen in the demo shop.",
        "reactions": {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(REACTIONS, 0)},
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "state_reason": "completed" if closed else None,
    }
    if number % 7 == 0:
        issue["pull_request"] = {"url": f"{repository}/pulls/{number}", "html_url": page.replace("issues", "pull")}
    return issue


def _label(number: int) -> dict[str, object]:
    name = LABELS[number % len(LABELS)]
    return {
        "id": 900 + number % len(LABELS),
        "node_id": f"LA_{number % len(LABELS)}",
        "url": f"{API}/repos/tieline-demo/shop/labels/{name.replace(' ', '%20')}",
        "name": name,
        "color": "d73a4a",
        "default": True,
        "description": "",
    }


def _user(number: int) -> dict[str, object]:
    login = LOGINS[number % len(LOGINS)]
    return {
        "login": login,
        "id": 700 + number % len(LOGINS),
        "node_id": f"U_{number % len(LOGINS)}",
        "avatar_url": f"https://example.com/{login}.png",
        "gravatar_id": "",
        "url": f"{API}/users/{login}",
        "html_url": f"https://github.com/{login}",
        "type": "User",
        "site_admin": False,
    }
