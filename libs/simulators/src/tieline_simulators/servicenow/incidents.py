"""Made-up incidents, the same at every start."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5

FIRST_NUMBER = 10_001
START = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
SHARING_A_SECOND = 4  # rows in a row that were updated in the same second, as a bulk job leaves them

GROUPS = ("Service Desk", "Network", "Database", "Workplace", "Security Operations")
PEOPLE = ("Lena Brandt", "Omar Haddad", "Grace Njeri", "Pavel Novak", "Sofia Marino", "Daniel Cho")
SUBJECTS = (
    ("VPN drops every few minutes", "Network", "vpn"),
    ("Cannot print on the third floor", "Hardware", "printer"),
    ("Payroll export ends with an error", "Software", "erp"),
    ("Mailbox over quota", "Inquiry", "email"),
    ("Laptop does not start after the update", "Hardware", "laptop"),
    ("Slow queries on the reporting replica", "Database", "performance"),
    ("Suspicious sign-in from an unknown place", "Security", "identity"),
    ("Badge reader at gate 2 is dark", "Facilities", "access"),
)
CONTACT_TYPES = ("phone", "email", "self-service", "monitoring")
STATES = ("1", "2", "2", "3", "6", "7", "7")
PRIORITY = {"11": "1", "12": "2", "13": "3", "21": "2", "22": "3", "23": "4", "31": "3", "32": "4", "33": "5"}
"""Priority by impact and urgency, ServiceNow's default matrix."""


def stable_sys_id(of: str) -> str:
    """Return 32 hex digits that are always the same for the same thing."""
    return md5(of.encode(), usedforsecurity=False).hexdigest()


def moment(at: datetime) -> str:
    """Return ServiceNow's form of a time in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def generated_incidents(count: int) -> Iterator[dict[str, str]]:
    """Yield incidents INC0010001 and on, some sharing the second of their last update."""
    chance = random.Random(20260302)
    for position in range(count):
        yield _incident(position, chance)


def _incident(position: int, chance: random.Random) -> dict[str, str]:
    number = f"INC{FIRST_NUMBER + position:07d}"
    subject, category, subcategory = SUBJECTS[position % len(SUBJECTS)]
    impact, urgency = chance.choice("123"), chance.choice("123")
    state = chance.choice(STATES)
    opened = START + timedelta(minutes=7 * position, seconds=position % 60)
    batch = position - position % SHARING_A_SECOND
    updated = START + timedelta(minutes=7 * (batch + SHARING_A_SECOND), hours=3)
    done, closed = state in ("6", "7"), state == "7"
    group = GROUPS[position % len(GROUPS)]
    assignee = PEOPLE[position % len(PEOPLE)] if state != "1" else ""
    caller = PEOPLE[(position + 2) % len(PEOPLE)]
    return {
        "sys_id": stable_sys_id(f"incident {number}"),
        "sys_updated_on": moment(updated),
        "sys_created_on": moment(opened),
        "sys_updated_by": "integration.user",
        "sys_created_by": "integration.user",
        "sys_mod_count": str(chance.randrange(1, 12)),
        "sys_class_name": "incident",
        "sys_domain_path": "/",
        "number": number,
        "short_description": f"{subject} ({number[-3:]})",
        "description": f"{subject}. Reported by {caller}.",
        "state": state,
        "incident_state": state,
        "active": "false" if closed else "true",
        "priority": PRIORITY[impact + urgency],
        "impact": impact,
        "urgency": urgency,
        "severity": "3",
        "category": category,
        "subcategory": subcategory,
        "contact_type": CONTACT_TYPES[position % len(CONTACT_TYPES)],
        "assignment_group": group,
        "assigned_to": assignee,
        "caller_id": caller,
        "opened_by": caller,
        "opened_at": moment(opened),
        "resolved_at": moment(updated) if done else "",
        "resolved_by": assignee if done else "",
        "closed_at": moment(updated) if closed else "",
        "closed_by": assignee if closed else "",
        "close_code": "Solved (Permanently)" if done else "",
        "close_notes": "Confirmed with the caller." if done else "",
        "reassignment_count": str(position % 3),
        "reopen_count": "0",
        "made_sla": "true" if position % 9 else "false",
        "knowledge": "false",
        "escalation": "0",
        "approval": "not requested",
        "business_stc": "",
        "correlation_id": "",
        "comments": "",
        "work_notes": "",
        "due_date": "",
    }
