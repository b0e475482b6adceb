"""A real instance's incident log, synced and compared row by row with the file, read here on its own."""

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tieline.contracts.sync import RunCompleted
from tieline.sync_client import SyncClient
from tieline_simulators.servicenow.incidents import stable_sys_id

from tests.integration.sync.bench import SyncBench
from tests.integration.sync.test_datasets import client_of
from tests.shared_data import shared_data
from tests.support.registry_stub import WORKSPACE
from tests.support.stand_in_process import servicenow_process

LOG = ("servicenow", "uci_incident_event_log")
SAMPLE = (*LOG, "sample_first_2000_rows.csv")
WHOLE = (*LOG, "incident_event_log.first119998.labelled.csv.gz")

STATES = ("New", "Active", "Awaiting Problem", "Awaiting User Info", "Awaiting Evidence", "Resolved", "Closed")
OTHER_NAMES = {"sys_updated_at": "sys_updated_on", "sys_created_at": "sys_created_on", "closed_code": "close_code"}
REFERENCES = (
    *("caller_id", "opened_by", "assignment_group", "assigned_to", "resolved_by"),
    *("location", "cmdb_ci", "problem_id", "rfc", "caused_by"),
)
PAGE = 1000


class References:
    """What the file has as names and the API as sys_ids: one for the other, throughout."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], str] = {}

    def agree(self, named: dict[str, str], stored: dict[str, str]) -> None:
        """Assert that a row's names are the same names' sys_ids as in all rows before."""
        for column in REFERENCES:
            name, sys_id = named.pop(column), stored.pop(column)
            assert bool(name) == bool(sys_id)
            assert self._ids.setdefault((column, name), sys_id) == sys_id

    def are_distinct(self) -> bool:
        """Tell whether no two names of a column share a sys_id."""
        return len({(column, sys_id) for (column, _), sys_id in self._ids.items()}) == len(self._ids)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the file's rows as the Table API shows them: UTC, numbers for choices, nothing for `?`."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for row in csv.DictReader(lines):
            yield {OTHER_NAMES.get(column, column): shown(column, text) for column, text in row.items()}


def shown(column: str, text: str) -> str:
    if text == "?":
        return ""
    if column.endswith("_at"):
        return datetime.strptime(text, "%d/%m/%Y %H:%M").strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    if column in {"impact", "urgency", "priority"}:
        return text[0]
    if column == "incident_state" and text in STATES:
        return str(STATES.index(text) + 1)
    return "8" if text == "Awaiting Vendor" else text


async def everything(client: SyncClient, integration: str) -> dict[str, dict[str, Any]]:
    """Return all records by id, read page after page."""
    found: dict[str, dict[str, Any]] = {}
    after = None
    while True:
        page = await client.list_records(WORKSPACE, integration, limit=PAGE, after=after)
        assert page is not None
        assert not found.keys() & {record.id for record in page.items}
        found |= {record.id: record.data for record in page.items}
        after = page.next
        if after is None:
            return found


@pytest.mark.parametrize(
    ("log", "count"),
    [
        pytest.param(SAMPLE, 2_000, id="first rows"),
        pytest.param(WHOLE, 119_998, id="whole", marks=pytest.mark.full),
    ],
)
async def test_incident_log_is_synced_row_by_row(bench: SyncBench, log: tuple[str, ...], count: int) -> None:
    path = shared_data(*log)
    patient = bench.settings.outgoing.model_copy(update={"timeout": bench.settings.outgoing.timeout * 10})
    settings = bench.settings.model_copy(update={"outgoing": patient})
    async with (
        servicenow_process("--servicenow-csv", str(path)) as url,
        bench.worker(settings) as worker,
        client_of(bench, worker) as client,
    ):
        integration = bench.servicenow(url)
        synced = (await bench.sync(integration, batch_size=1000, within=900))[-1]
        stored = await everything(client, integration)
        again = (await bench.sync(integration, batch_size=1000, within=60))[-1]

    assert isinstance(synced, RunCompleted)
    assert isinstance(again, RunCompleted)
    assert (synced.added, synced.total, again.total, again.dataset_version) == (count, count, 0, 1)
    references = References()
    for position, row in enumerate(rows(path)):
        found = stored.pop(stable_sys_id(f"event {position}"))
        references.agree(row, found)
        assert {column: found[column] for column in row} == row, position
    assert stored == {}
    assert references.are_distinct()
