"""How a value is shown: as stored, as people read it, or both; references with or without their link."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from tieline_simulators.servicenow.incidents import stable_sys_id
from tieline_simulators.servicenow.query import DATE_FIELDS

DisplayValue = Literal["true", "false", "all"]

REFERENCES = {
    "assignment_group": "sys_user_group",
    "assigned_to": "sys_user",
    "caller_id": "sys_user",
    "opened_by": "sys_user",
    "resolved_by": "sys_user",
    "closed_by": "sys_user",
    "cmdb_ci": "cmdb_ci",
    "location": "cmn_location",
    "problem_id": "problem",
    "rfc": "change_request",
    "caused_by": "change_request",
}
"""The table that a column refers to."""

STATES = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"}
LEVELS = {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"}
CHOICES = {
    "state": STATES,
    "incident_state": STATES,
    "impact": LEVELS,
    "urgency": LEVELS,
    "severity": LEVELS,
    "priority": {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"},
}
SYS_ID = re.compile(r"[0-9a-f]{32}")
DATE_FORMAT = "%Y-%m-%d %H:%M:%S"


class References:
    """Names of the records that incidents refer to, by sys_id; the sys_id is made from the name."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}

    def stored(self, column: str, value: str) -> str:
        """Return the database value: the sys_id for a reference's name, anything else unchanged."""
        if column not in REFERENCES or not value or SYS_ID.fullmatch(value):
            return value
        if (column, value) not in self._ids:
            sys_id = stable_sys_id(f"{REFERENCES[column]} {value}")
            self._ids[column, value] = sys_id
            self._names[sys_id] = value
        return self._ids[column, value]

    def name(self, sys_id: str) -> str:
        """Return the name of a record, its sys_id where none is known."""
        return self._names.get(sys_id, sys_id)


@dataclass(frozen=True, slots=True)
class Presentation:
    """How one answer shows values. `links_to` is the instance's address, None to leave links out."""

    references: References
    display: DisplayValue
    links_to: str | None
    utc_offset: timedelta

    def show(self, column: str, value: str) -> str | dict[str, str]:
        """Return a value as the answer holds it."""
        link = {}
        if column in REFERENCES and value and self.links_to is not None:
            link = {"link": f"{self.links_to}/api/now/table/{REFERENCES[column]}/{value}"}
        if self.display == "false":
            return {**link, "value": value} if link else value
        text = self._text(column, value)
        if self.display == "all":
            return {"display_value": text, "value": value, **link}
        return {"display_value": text, **link} if link else text

    def walk(self, path: str, value: str) -> str:
        """Return what a dotted field name finds behind a reference: its `name` or `sys_id`, else nothing."""
        member = path.partition(".")[2]
        return {"name": self.references.name(value) if value else "", "sys_id": value}.get(member, "")

    def _text(self, column: str, value: str) -> str:
        """Return what a person sees: choices as text, dates in the user's own zone, references by name."""
        if column in CHOICES:
            return CHOICES[column].get(value, value)
        if column in REFERENCES:
            return self.references.name(value)
        if column in DATE_FIELDS and value:
            return (datetime.strptime(value, DATE_FORMAT) + self.utc_offset).strftime(DATE_FORMAT)  # noqa: DTZ007 - no zone is shown
        return value
