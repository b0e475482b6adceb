"""PagerDuty's REST API v2 over a made-up account."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NoReturn

from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Refused
from tieline_simulators.pagerduty import account
from tieline_simulators.records import Record, RecordStandIn

STATUSES = ("triggered", "acknowledged", "resolved")
MAX_LIMIT = 100
MAX_OFFSET_AND_LIMIT = 10_000  # classic pagination reaches no further
MAX_INCIDENTS_PER_UPDATE = 250
MAX_NOTES = 2_000  # of one incident
DEFAULT_DAYS = 30  # `since` and `until` default to the last month
MAX_RANGE_DAYS = 183


class PagerDutySimulator(RecordStandIn):
    """One account. Its "now" is a little after the newest incident, so that the default time range shows them."""

    name = "pagerduty"
    settings: ClassVar[frozenset[str]] = frozenset({"tokens", "read_only", "account_key"})

    def __init__(self, *, incidents: int = 60, clock: Callable[[], float] = time.time) -> None:
        super().__init__(((str(each["id"]), each) for each in account.incidents(incidents)), clock=clock)
        self.services = {str(each["id"]): each for each in account.services()}
        self.users = account.users()
        self.notes: dict[str, list[Record]] = {}
        self.read_only = False
        self.account_key = False

    def routes(self) -> Sequence[Route]:
        """Return the paths."""
        return [
            self.endpoint("/incidents", self.incidents_endpoint, "GET", "PUT"),
            self.endpoint("/incidents/{id}", self.incident_endpoint, "GET", "PUT"),
            self.endpoint("/incidents/{id}/notes", self.notes_endpoint, "GET", "POST"),
            self.endpoint("/oncalls", self.oncalls),
            self.endpoint("/services", self.list_services),
            self.endpoint("/services/{id}", self.service),
            self.endpoint("/users/me", self.me),
        ]

    def apply(self, settings: Mapping[str, object]) -> None:
        """Also take `read_only` (writes answer 403) and `account_key` (the key is the account's, not a user's)."""
        super().apply(settings)
        for name in ("read_only", "account_key"):
            if name in settings:
                setattr(self, name, bool(settings[name]))

    def failure(self, status: int) -> Response:
        """Return PagerDuty's error object. It publishes the codes 2001, 2020 and 2100; the others are as seen."""
        message, code = {
            400: ("Invalid Input Provided", 2001),
            401: ("Unauthorized", 2006),
            403: ("Access Denied", 2010),
            404: ("Not Found", 2100),
            429: ("Rate Limit Exceeded", 2020),
        }.get(status, ("Internal Server Error" if status >= 500 else "Error", 2000))
        return json_answer({"error": {"message": message, "code": code}}, status)

    def rate_limited(self, retry_after: float) -> Response:
        """Return PagerDuty's 429; the seconds to wait are in `ratelimit-reset`."""
        seconds = str(max(1, math.ceil(retry_after)))
        answer = self.failure(429)
        answer.headers.update(
            {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": seconds, "retry-after": seconds}
        )
        return answer

    def changed(self, identifier: str, record: Record | None, changes: Mapping[str, object]) -> Record:
        """Return an incident; a new one was triggered just now."""
        now = account.iso(self.now())
        base = record or account.new_incident(identifier, len(self.records) + 1, now)
        return {**base, "updated_at": now, **changes}

    def incidents_endpoint(self, call: Call) -> Response:
        """List incidents, or update several."""
        self._authenticate(call)
        if call.method == "PUT":
            return self._update_many(call)
        return self._page(call, "incidents", [self._expanded(each, call) for each in self._matching(call)])

    def incident_endpoint(self, call: Call) -> Response:
        """Show an incident, or update it."""
        self._authenticate(call)
        incident = self.records.get(call.params["id"])
        if incident is None:
            raise Refused(self.failure(404))
        if call.method == "GET":
            return json_answer({"incident": self._expanded(incident, call)})
        actor = self._actor(call)
        changes = call.body.get("incident") if isinstance(call.body, dict) else None
        if not isinstance(changes, dict):
            _invalid("Incident must be an object.")
        _check(changes)
        return json_answer({"incident": self._updated(incident, changes, actor)})

    def notes_endpoint(self, call: Call) -> Response:
        """List an incident's notes, or add one."""
        self._authenticate(call)
        identifier = call.params["id"]
        if identifier not in self.records:
            raise Refused(self.failure(404))
        notes = self.notes.setdefault(identifier, [])
        if call.method == "GET":
            return json_answer({"notes": notes})
        actor = self._actor(call)
        note = call.body.get("note") if isinstance(call.body, dict) else None
        content = note.get("content") if isinstance(note, dict) else None
        if not isinstance(content, str) or not content:
            _invalid("Content cannot be empty.")
        if len(notes) >= MAX_NOTES:
            _invalid("Too many notes.")
        notes.append(account.note(len(notes) + 1, content, actor, account.iso(self.now())))
        return json_answer({"note": notes[-1]})

    def oncalls(self, call: Call) -> Response:
        """List who is on call."""
        self._authenticate(call)
        found = account.oncalls()
        for name, member in (("user_ids[]", "user"), ("escalation_policy_ids[]", "escalation_policy")):
            if wanted := set(call.query.getlist(name)):
                found = [each for each in found if _id_of(each[member]) in wanted]
        if "users" in call.query.getlist("include[]"):
            found = [{**each, "user": self._user(each["user"])} for each in found]
        return self._page(call, "oncalls", found)

    def list_services(self, call: Call) -> Response:
        """List services by name."""
        self._authenticate(call)
        query = call.query.get("query", "").lower()
        found = [each for each in self.services.values() if query in str(each["name"]).lower()]
        found.sort(key=lambda each: str(each["name"]))
        return self._page(call, "services", found)

    def service(self, call: Call) -> Response:
        """Show a service."""
        self._authenticate(call)
        service = self.services.get(call.params["id"])
        if service is None:
            raise Refused(self.failure(404))
        return json_answer({"service": service})

    def me(self, call: Call) -> Response:
        """Show the user that the key belongs to."""
        self._authenticate(call)
        if self.account_key:
            _invalid("Only a user's key tells who me is.")
        return json_answer({"user": self.users[0]})

    def _expanded(self, incident: Record, call: Call) -> Record:
        """Return an incident with whole assignees in place of references, where `include[]` asks for them."""
        assignments = incident.get("assignments")
        if "assignees" not in call.query.getlist("include[]") or not isinstance(assignments, list):
            return incident
        whole = [{**each, "assignee": self._user(each.get("assignee"))} for each in assignments]
        return {**incident, "assignments": whole}

    def _user(self, reference: object) -> object:
        return next((user for user in self.users if user["id"] == _id_of(reference)), reference)

    def _authenticate(self, call: Call) -> None:
        credential = call.bearer("Token") or ""
        token = credential.removeprefix("token=") if credential.startswith("token=") else call.bearer() or ""
        if not self.knows(token):
            raise Refused(self.failure(401))

    def _actor(self, call: Call) -> dict[str, object]:
        if self.read_only:
            raise Refused(self.failure(403))
        email = call.headers.get("from", "")
        user = next((each for each in self.users if each["email"] == email.lower()), None)
        if user is None:
            _invalid("Requester User Not Found" if email else "From header is required.", code=1008)
        return account.reference("user", str(user["id"]), str(user["summary"]))

    def _update_many(self, call: Call) -> Response:
        actor = self._actor(call)
        changes = call.body.get("incidents") if isinstance(call.body, dict) else None
        if not isinstance(changes, list) or not all(isinstance(each, dict) for each in changes):
            _invalid("Incidents must be an array of objects.")
        if len(changes) > MAX_INCIDENTS_PER_UPDATE:
            raise Refused(self.failure(413))
        for each in changes:
            _check(each)
            if each.get("id") not in self.records:
                _invalid(f"Incident {each.get('id')} was not found.")
        updated = [self._updated(self.records[each["id"]], each, actor) for each in changes]
        return json_answer({"incidents": updated, "limit": 100, "offset": 0, "total": None, "more": False})

    def _updated(self, incident: Record, changes: Mapping[str, object], actor: dict[str, object]) -> Record:
        now = account.iso(self.now())
        if "title" in changes:
            incident["title"] = changes["title"]
            incident["summary"] = f"[#{incident['incident_number']}] {changes['title']}"
        if "urgency" in changes:
            incident["urgency"] = changes["urgency"]
        if "priority" in changes:
            incident["priority"] = _priority_of(changes["priority"])
        if "status" in changes and changes["status"] != incident["status"]:
            status = changes["status"]
            resolved = status == "resolved"
            incident.update(
                status=status,
                last_status_change_at=now,
                last_status_change_by=actor,
                resolved_at=now if resolved else None,
                assignments=[] if resolved else incident["assignments"] or [{"at": now, "assignee": actor}],
                acknowledgements=[{"at": now, "acknowledger": actor}] if status == "acknowledged" else [],
                alert_counts={"all": 1, "triggered": int(not resolved), "resolved": int(resolved)},
            )
        incident["updated_at"] = now
        return incident

    def _matching(self, call: Call) -> list[Record]:
        query = call.query
        statuses, urgencies = query.getlist("statuses[]"), query.getlist("urgencies[]")
        if set(statuses) - set(STATUSES):
            _invalid("Statuses must be triggered, acknowledged or resolved.")
        if set(urgencies) - {"high", "low"}:
            _invalid("Urgencies must be high or low.")
        since, until = self._range(call)
        services, key = set(query.getlist("service_ids[]")), query.get("incident_key")
        found = [
            incident
            for incident in self.records.values()
            if (not statuses or incident["status"] in statuses)
            and (not urgencies or incident["urgency"] in urgencies)
            and (not services or _id_of(incident["service"]) in services)
            and (key is None or incident["incident_key"] == key)
            and since <= str(incident["created_at"]) < until
        ]
        for order in reversed(query.get("sort_by", "created_at:asc").split(",")):
            member, _, direction = order.partition(":")
            if member not in ("incident_number", "created_at", "resolved_at", "urgency") or direction not in (
                "",
                "asc",
                "desc",
            ):
                _invalid(f"sort_by {order} is not supported.")
            found.sort(key=lambda each, by=member: (each[by] is None, each[by]), reverse=direction == "desc")  # type: ignore[misc]  # mypy cannot infer the default argument's lambda
        return found

    def _range(self, call: Call) -> tuple[str, str]:
        if call.query.get("date_range") == "all":
            return "", "~"
        newest = max(
            (str(each["created_at"]) for each in self.records.values()),
            default=account.iso(account.FIRST_INCIDENT_AT),
        )
        now = _moment(newest) + timedelta(hours=1)
        until = _moment(call.query["until"]) if "until" in call.query else now
        since = _moment(call.query["since"]) if "since" in call.query else until - timedelta(days=DEFAULT_DAYS)
        if until - since > timedelta(days=MAX_RANGE_DAYS):
            _invalid("The time between since and until must not be more than 6 months.")
        return account.iso(since), account.iso(until)

    def _page(self, call: Call, name: str, found: Sequence[object]) -> Response:
        limit = min(_whole(call, "limit", 25), MAX_LIMIT)
        offset = _whole(call, "offset", 0)
        if limit < 1:
            _invalid("Limit must be at least 1.")
        if offset + limit > MAX_OFFSET_AND_LIMIT:
            _invalid("Offset plus limit must not be more than 10000.")
        page = {
            name: found[offset : offset + limit],
            "limit": limit,
            "offset": offset,
            "total": len(found) if call.query.get("total") == "true" else None,
            "more": offset + limit < len(found),
        }
        return json_answer(page)


def _check(changes: Mapping[str, object]) -> None:
    if changes.get("type") not in ("incident", "incident_reference"):
        _invalid("Incident Type must be incident or incident_reference.")
    if "status" in changes and changes["status"] not in STATUSES:
        _invalid("Status must be triggered, acknowledged or resolved.")
    if "urgency" in changes and changes["urgency"] not in ("high", "low"):
        _invalid("Urgency must be high or low.")
    if "title" in changes and not (isinstance(changes["title"], str) and changes["title"]):
        _invalid("Title cannot be empty.")
    if "priority" in changes:
        _priority_of(changes["priority"])


def _priority_of(given: object) -> object:
    found = account.priority(str(given.get("id") if isinstance(given, Mapping) else given))
    if found is None and given is not None:
        _invalid("Priority was not found.")
    return found


def _id_of(reference: object) -> object:
    return reference.get("id") if isinstance(reference, Mapping) else None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _invalid(f"{text} is not an ISO 8601 time.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdigit():
        _invalid(f"{name.capitalize()} must be a whole number.")
    return int(text)


def _invalid(reason: str, *, code: int = 2001) -> NoReturn:
    message = "Invalid Input Provided" if code == 2001 else reason
    raise Refused(json_answer({"error": {"message": message, "code": code, "errors": [reason]}}, 400))
