"""What is said when an embedded server is not installed."""

import sys
from pathlib import Path

import pytest
from tieline_cli.embedded import kafka, mongo
from tieline_cli.errors import ProgramMissingError


def test_a_missing_broker_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "noida_db", None)

    with pytest.raises(ProgramMissingError, match=r"noida-db.*TIELINE_KAFKA__BOOTSTRAP_SERVERS"):
        kafka.program(tmp_path, 1)


def test_a_missing_database_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "secantus", None)

    with pytest.raises(ProgramMissingError, match=r"SecantusDB.*TIELINE_MONGO__URL"):
        mongo.program(tmp_path, 1)
