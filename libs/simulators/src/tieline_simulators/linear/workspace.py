"""A made-up Linear workspace, the same at every start."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PRIORITY_LABELS = ("No priority", "Urgent", "High", "Medium", "Low")
STATES = (("Todo", "unstarted"), ("In Progress", "started"), ("Done", "completed"), ("Canceled", "canceled"))

Record = dict[str, object]


def stable_id(of: str) -> str:
    """Return a UUID that is always the same for the same thing."""
    return str(uuid5(NAMESPACE_URL, f"https://linear.app/tieline-demo/{of}"))


def iso(moment: datetime) -> str:
    """Return Linear's form of a time: milliseconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _record(kind: str, name: str, **more: object) -> Record:
    return {"id": stable_id(f"{kind}/{name}"), "name": name, "createdAt": iso(START), "updatedAt": iso(START), **more}


TEAMS = [
    _record("team", "Engineering", key="ENG", description="Builds the shop."),
    _record("team", "Platform", key="PLT", description="Runs the shop."),
]
USERS = [
    _record(
        "user", name, displayName=name.split()[0].lower(), email=f"{name.split()[0].lower()}@example.com", active=True
    )
    for name in ("Mira Okafor", "Jonas Lind", "Priya Raman")
]
LABELS = [
    _record("label", name, color="#bec2c8", isGroup=False, team=None) for name in ("backend", "frontend", "security")
]
WORKFLOW_STATES = [
    _record(f"state/{team['key']}", name, type=kind, color="#e2e2e2", position=float(position), team=team)
    for team in TEAMS
    for position, (name, kind) in enumerate(STATES)
]
ORGANIZATION = _record("organization", "Tieline Demo", urlKey="tieline-demo")


def label(name: str, team: Record | None, *, at: datetime) -> Record:
    """Return a label that was made at a moment, a team's own or everybody's."""
    made = iso(at)
    owner = team["key"] if team else "all"
    return {
        **_record(f"label/{owner}", name, color="#bec2c8", isGroup=False, team=team),
        "createdAt": made,
        "updatedAt": made,
    }


def issue(number: int, *, at: datetime | None = None) -> Record:
    """Return an issue; `at` is when it was made, by default one every 29 minutes."""
    team = TEAMS[number % len(TEAMS)]
    created = at or START + timedelta(minutes=29 * number, milliseconds=number * 13 % 1000)
    updated = created if at else created + timedelta(hours=number % 7)
    state = next(each for each in WORKFLOW_STATES if each["team"] is team and each["position"] == number % len(STATES))
    identifier = f"{team['key']}-{number}"
    priority = number % len(PRIORITY_LABELS)
    return {
        "id": stable_id(f"issue/{number}"),
        "identifier": identifier,
        "number": number,
        "title": f"Show the delivery date for item {number}",
        "description": "Asked for by the shop team.",
        "url": f"https://linear.app/tieline-demo/issue/{identifier}",
        "branchName": f"mira/{identifier.lower()}",
        "priority": priority,
        "priorityLabel": PRIORITY_LABELS[priority],
        "estimate": None,
        "createdAt": iso(created),
        "updatedAt": iso(updated),
        "archivedAt": None,
        "startedAt": iso(updated) if state["type"] == "started" else None,
        "completedAt": iso(updated) if state["type"] == "completed" else None,
        "canceledAt": iso(updated) if state["type"] == "canceled" else None,
        "dueDate": None,
        "trashed": None,
        "state": state,
        "team": team,
        "assignee": USERS[number % len(USERS)] if number % 4 else None,
        "creator": USERS[0],
        "labels": [LABELS[number % len(LABELS)]],
    }


def issues(count: int) -> Iterator[tuple[str, Record]]:
    """Yield issues by id."""
    return ((str(each["id"]), each) for each in map(issue, range(1, count + 1)))


def find(records: list[Record], identifier: object) -> Record | None:
    """Return the record with an id."""
    return next((each for each in records if each["id"] == identifier), None)
