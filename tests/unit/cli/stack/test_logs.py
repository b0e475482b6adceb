"""Logs: their ends, their growth, their bound."""

import itertools
from pathlib import Path

import pytest
from tieline_cli.embedded.kafka import NOISE
from tieline_cli.stack import logs


def test_last_lines_leave_out_noise_and_emptiness(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("/lib/libc.so.6: weak version `GLIBC_2.39' not found (required by noida-db)\n\none\ntwo\nthree\n")

    assert logs.last_lines(log, 2, NOISE) == ["two", "three"]
    assert logs.last_lines(log, 10, NOISE) == ["one", "two", "three"]
    assert logs.last_lines(tmp_path / "absent.log", 10) == []


def test_following_yields_whole_new_lines_only_and_survives_a_fresh_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "gateway.log"
    log.write_text("old\n")
    writes = iter(["new\nhal", "f\n", None])

    def write(_seconds: float) -> None:
        text = next(writes, "x\n")
        log.write_text("again\n") if text is None else log.open("a").write(text)

    monkeypatch.setattr("time.sleep", write)

    lines = list(itertools.islice(logs.follow({"gateway": log}, {}), 3))

    assert lines == [("gateway", "new"), ("gateway", "half"), ("gateway", "again")]


def test_a_log_that_grew_too_long_starts_again_beside_its_old_self(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with log.open("ab") as writer:
        writer.truncate(logs.LONGEST + 1)

        logs.rotate(log)
        writer.write(b"after\n")

    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "gateway.log.1").stat().st_size == logs.LONGEST + 1
