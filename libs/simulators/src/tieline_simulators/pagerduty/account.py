"""A made-up PagerDuty account, the same at every start: five people, four services, some incidents."""

from datetime import UTC, datetime, timedelta

API = "https://api.pagerduty.com"
PAGES = "https://tieline-demo.pagerduty.com"
FIRST_INCIDENT_AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

PEOPLE = ("Mira Okafor", "Jonas Lind", "Priya Raman", "Tomas Varga", "Aiko Sato")
SERVICES = ("Checkout", "Identity", "Search", "Data Pipeline")
PRIORITIES = ("P1", "P2", "P3", "P4")
TITLES = (
    "Error rate above 5 % on /pay",
    "Sign-in latency p99 over 2 s",
    "Index replication is 20 minutes behind",
    "Nightly load did not start",
    "Certificate expires in 3 days",
    "Disk of db-7 is 91 % full",
    "Queue depth still growing after 15 minutes",
)


def iso(moment: datetime) -> str:
    """Return PagerDuty's form of a time, whole seconds in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reference(kind: str, identifier: str, summary: str) -> dict[str, object]:
    """Return a `<kind>_reference` object."""
    plural = kind[:-1] + "ies" if kind.endswith("y") else kind + "s"
    shown = "service-directory" if kind == "service" else plural
    return {
        "id": identifier,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"{API}/{plural}/{identifier}",
        "html_url": f"{PAGES}/{shown}/{identifier}",
    }


def users() -> list[dict[str, object]]:
    """Return the people."""
    return [
        {
            **reference("user", f"PUSER{number:02d}", name),
            "type": "user",
            "name": name,
            "email": f"{name.split()[0].lower()}@example.com",
            "time_zone": "Etc/UTC",
            "color": "purple",
            "avatar_url": f"https://example.com/avatars/{number}.png",
            "billed": True,
            "role": "admin" if number == 0 else "user",
            "description": "",
            "invitation_sent": False,
            "job_title": "Engineer",
            "contact_methods": [],
            "notification_rules": [],
            "teams": [],
        }
        for number, name in enumerate(PEOPLE)
    ]


def escalation_policy(number: int) -> dict[str, object]:
    """Return a reference to a service's escalation policy."""
    return reference("escalation_policy", f"PESC{number:03d}", f"{SERVICES[number]} on call")


def services() -> list[dict[str, object]]:
    """Return the services."""
    return [
        {
            **reference("service", f"PSVC{number:03d}", name),
            "type": "service",
            "name": name,
            "description": f"The {name.lower()} service.",
            "auto_resolve_timeout": 14_400,
            "acknowledgement_timeout": 600,
            "created_at": iso(FIRST_INCIDENT_AT - timedelta(days=400)),
            "status": "active",
            "alert_creation": "create_alerts_and_incidents",
            "integrations": [],
            "escalation_policy": escalation_policy(number),
            "teams": [reference("team", "PTEAM01", "Engineering")],
            "incident_urgency_rule": {"type": "constant", "urgency": "high"},
            "scheduled_actions": [],
        }
        for number, name in enumerate(SERVICES)
    ]


def oncalls() -> list[dict[str, object]]:
    """Return who is on call: two levels for each service."""
    people = users()
    return [
        {
            "escalation_policy": escalation_policy(number),
            "escalation_level": level,
            "schedule": reference("schedule", f"PSCHED{number}", f"{name} rota"),
            "user": _as_reference(people[(number + level - 1) % len(people)]),
            "start": iso(FIRST_INCIDENT_AT),
            "end": iso(FIRST_INCIDENT_AT + timedelta(days=365)),
        }
        for number, name in enumerate(SERVICES)
        for level in (1, 2)
    ]


def incidents(count: int) -> list[dict[str, object]]:
    """Return incidents numbered from 1, one every 37 minutes; two thirds resolved, the newest open."""
    people = users()
    return [_incident(number, count, people) for number in range(1, count + 1)]


def _incident(number: int, count: int, people: list[dict[str, object]]) -> dict[str, object]:
    created = FIRST_INCIDENT_AT + timedelta(minutes=37 * number)
    status = "resolved" if number <= count * 2 // 3 else ("triggered", "acknowledged")[number % 2]
    changed = created + timedelta(minutes={"triggered": 0, "acknowledged": 4, "resolved": 55}[status])
    title = TITLES[number % len(TITLES)]
    identifier = f"PINC{number:04d}"
    service = number % len(SERVICES)
    person = _as_reference(people[number % len(people)])
    summary = f"[#{number}] {title}"
    return {
        **reference("incident", identifier, summary),
        "type": "incident",
        "incident_number": number,
        "title": title,
        "created_at": iso(created),
        "updated_at": iso(changed),
        "status": status,
        "incident_key": f"tieline-{number:032x}",
        "service": reference("service", f"PSVC{service:03d}", SERVICES[service]),
        "assignments": [] if status == "resolved" else [{"at": iso(created), "assignee": person}],
        "assigned_via": "escalation_policy",
        "last_status_change_at": iso(changed),
        "last_status_change_by": person,
        "resolved_at": iso(changed) if status == "resolved" else None,
        "first_trigger_log_entry": reference("trigger_log_entry", f"RLOG{number:010d}", "Triggered through the API."),
        "alert_counts": {"all": 1, "triggered": int(status != "resolved"), "resolved": int(status == "resolved")},
        "is_mergeable": True,
        "incident_type": {"name": "incident_default"},
        "escalation_policy": escalation_policy(service),
        "teams": [reference("team", "PTEAM01", "Engineering")],
        "pending_actions": [],
        "acknowledgements": [{"at": iso(changed), "acknowledger": person}] if status == "acknowledged" else [],
        "priority": _priority(number % len(PRIORITIES)),
        "urgency": "high" if number % 3 else "low",
    }


def new_incident(identifier: str, number: int, now: str) -> dict[str, object]:
    """Return an incident that was triggered just now."""
    return {
        **_incident(number, 0, users()),
        **reference("incident", identifier, f"[#{number}] New incident"),
        "type": "incident",
        "title": "New incident",
        "status": "triggered",
        "created_at": now,
        "updated_at": now,
        "last_status_change_at": now,
        "acknowledgements": [],
    }


def note(number: int, content: str, user: dict[str, object], now: str) -> dict[str, object]:
    """Return a note that was added just now."""
    return {
        "id": f"PNOTE{number:04d}",
        "user": user,
        "channel": {"summary": "REST API"},
        "content": content,
        "created_at": now,
    }


def _priority(number: int) -> dict[str, object]:
    identifier = f"PPRI{number:03d}"
    return {
        **reference("priority", identifier, PRIORITIES[number]),
        "type": "priority",
        "name": PRIORITIES[number],
        "description": "",
    }


def priority(name_or_id: str) -> dict[str, object] | None:
    """Return the priority with a name or an id."""
    for number, name in enumerate(PRIORITIES):
        if name_or_id in (name, f"PPRI{number:03d}"):
            return _priority(number)
    return None


def _as_reference(user: dict[str, object]) -> dict[str, object]:
    return reference("user", str(user["id"]), str(user["summary"]))
