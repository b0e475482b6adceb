"""Log files of a stack: one for each program, the previous start's beside it, bounded while it runs."""

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

LONGEST = 32 * 1024 * 1024
"""Bytes after which a log starts again; the full one is kept as `….log.1`."""

_TAIL_BYTES = 64 * 1024
_POLL_SECONDS = 0.2


def begin(log: Path) -> None:
    """Set the previous start's log aside."""
    if log.exists():
        log.replace(_previous(log))


def rotate(log: Path) -> None:
    """Start `log` again once it is too long. Its writer appends, so it goes on writing at the new end."""
    if log.exists() and log.stat().st_size > LONGEST:
        shutil.copyfile(log, _previous(log))
        os.truncate(log, 0)


def last_lines(log: Path, count: int, noise: re.Pattern[str] | None = None) -> list[str]:
    """Return up to `count` of the last lines that mean something."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    return _meaningful(lines, noise)[-count:]


def follow(logs: Mapping[str, Path], noise: Mapping[str, re.Pattern[str] | None]) -> Iterator[tuple[str, str]]:
    """Yield (program, line) for every line appended from now on, for ever."""
    read = {name: _size(log) for name, log in logs.items()}
    while True:
        for name, log in logs.items():
            if _size(log) < read[name]:  # started again
                read[name] = 0
            lines, read[name] = _complete_lines(log, read[name])
            yield from ((name, line) for line in _meaningful(lines, noise.get(name)))
        time.sleep(_POLL_SECONDS)


def _complete_lines(log: Path, start: int) -> tuple[list[str], int]:
    """Return the whole lines after byte `start`, and where the first incomplete one begins."""
    if _size(log) <= start:
        return [], start
    with log.open("rb") as file:
        file.seek(start)
        whole, newline, _ = file.read(_TAIL_BYTES).rpartition(b"\n")
    return whole.decode("utf-8", "replace").splitlines(), start + len(whole) + len(newline)


def _meaningful(lines: list[str], noise: re.Pattern[str] | None) -> list[str]:
    return [line for line in lines if line.strip() and (noise is None or not noise.search(line))]


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def _previous(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
