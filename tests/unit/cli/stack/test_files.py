"""Small files: whole, private, locked."""

import stat
from pathlib import Path

import pytest
from tieline_cli.errors import AlreadyRunningError
from tieline_cli.stack.files import find_json, is_locked, locked, write_json


def test_what_is_written_is_read_back_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "state.json"

    write_json(file, {"a": 1})
    write_json(file, {"b": 2})

    assert find_json(file) == {"b": 2}
    assert list(tmp_path.iterdir()) == [file]


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"

    write_json(file, {"a": 1})

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_what_is_not_ours_counts_as_absent(tmp_path: Path, text: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)

    assert find_json(file) is None
    assert find_json(tmp_path / "other.json") is None


def test_a_lock_is_held_once_and_free_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not is_locked(lock)

    with locked(lock):
        assert is_locked(lock)
        with pytest.raises(AlreadyRunningError), locked(lock):
            pass

    assert not is_locked(lock)
