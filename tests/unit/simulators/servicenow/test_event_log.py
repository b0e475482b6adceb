import gzip
from pathlib import Path

import pytest
from tieline_simulators.servicenow import incidents_from_event_log
from tieline_simulators.servicenow.event_log import EventLogError

LOG = """number,incident_state,active,sys_created_at,sys_updated_at,impact,priority,category,subcategory,\
assigned_to,closed_code
INC1,New,true,5/1/2026 09:59,5/1/2026 10:00,2 - Medium,3 - Moderate,Category 1,Subcategory 2,?,?
INC2,Awaiting Vendor,true,5/1/2026 10:00,5/1/2026 10:00,1 - High,1 - Critical,Category 1,Subcategory 2,Resolver 4,?
INC1,Closed,false,5/1/2026 09:59,12/1/2026 08:15,2 - Medium,3 - Moderate,Category 1,Subcategory 2,Resolver 4,code 6
"""


@pytest.fixture(params=["log.csv", "log.csv.gz"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path: Path = tmp_path / request.param
    path.write_bytes(gzip.compress(LOG.encode()) if path.suffix == ".gz" else LOG.encode())
    return path


def test_every_line_becomes_a_record_of_its_own(log: Path) -> None:
    records = list(incidents_from_event_log(log))

    assert len({record["sys_id"] for record in records}) == 3
    assert [record["sys_updated_on"] for record in records] == [
        "2026-01-05 10:00:00",
        "2026-01-05 10:00:00",
        "2026-01-12 08:15:00",
    ]
    assert (records[0]["assigned_to"], records[0]["priority"], records[0]["close_code"]) == ("", "3", "")
    assert [record["state"] for record in records] == ["1", "8", "7"]


def test_latest_line_of_each_number_becomes_its_record(log: Path) -> None:
    records = list(incidents_from_event_log(log, rows_are="incidents"))

    assert [(record["number"], record["state"]) for record in records] == [("INC1", "7"), ("INC2", "8")]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "number,sys_updated_at\nINC1,yesterday\n"])
def test_file_that_is_no_event_log_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)

    with pytest.raises(EventLogError, match=r"log\.csv, line \d"):
        list(incidents_from_event_log(path))
