"""Reads an incident event log (CSV, gzip or not): one line an update, times as D/M/YYYY HH:MM, `?` for nothing."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TextIO

from tieline_simulators.servicenow.incidents import stable_sys_id

RowsAre = Literal["events", "incidents"]

RENAMED = {"sys_updated_at": "sys_updated_on", "sys_created_at": "sys_created_on", "closed_code": "close_code"}
DATES = frozenset({"sys_updated_at", "sys_created_at", "opened_at", "resolved_at", "closed_at"})
LEVELLED = frozenset({"impact", "urgency", "priority"})
STATES = {
    "New": "1",
    "Active": "2",
    "Awaiting Problem": "3",
    "Awaiting User Info": "4",
    "Awaiting Evidence": "5",
    "Resolved": "6",
    "Closed": "7",
    "Awaiting Vendor": "8",
}


class EventLogError(ValueError):
    """The file is not an incident event log."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}: {reason}")
        self.path, self.line = path, line


def incidents_from_event_log(path: Path, *, rows_are: RowsAre = "events") -> Iterator[dict[str, str]]:
    """Yield a record for each line, or with `incidents` for each number as its last line leaves it.

    A record's sys_id comes from the line's place in the file, or from the number. Raises EventLogError.
    """
    if rows_are == "incidents":
        latest: dict[str, dict[str, str]] = {}
        for record in _records(path):
            latest[record["number"]] = {**record, "sys_id": stable_sys_id(f"incident {record['number']}")}
        yield from latest.values()
        return
    for position, record in enumerate(_records(path)):
        yield {**record, "sys_id": stable_sys_id(f"event {position}")}


def _records(path: Path) -> Iterator[dict[str, str]]:
    with _opened(path) as lines:
        reader = csv.DictReader(lines)
        if not {"number", "sys_updated_at"} <= set(reader.fieldnames or ()):
            raise EventLogError(path, 1, "there is no column 'number' or 'sys_updated_at'")
        dates: dict[str, str] = {}
        for row in reader:
            try:
                yield _record(row, dates)
            except (ValueError, IndexError) as error:
                raise EventLogError(path, reader.line_num, str(error)) from error


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _record(row: dict[str, str], dates: dict[str, str]) -> dict[str, str]:
    record = {"sys_id": "", "sys_class_name": "incident"}
    for column, value in row.items():
        name = RENAMED.get(column, column)
        if value == "?":
            record[name] = ""
        elif column in DATES:
            if value not in dates:
                dates[value] = _moment(value)
            record[name] = dates[value]
        elif column in LEVELLED:
            record[name] = value.partition(" ")[0]
        else:
            record[name] = value
    state = STATES.get(record.get("incident_state", ""), record.get("incident_state", ""))
    record["state"] = record["incident_state"] = state
    record.setdefault("short_description", f"{record.get('category', '')} / {record.get('subcategory', '')}")
    return record


def _moment(text: str) -> str:
    """Return `29/2/2016 01:23` as `2016-02-29 01:23:00`."""
    date, _, time = text.partition(" ")
    day, month, year = (int(part) for part in date.split("/"))
    return f"{year:04d}-{month:02d}-{day:02d} {time}:00"
