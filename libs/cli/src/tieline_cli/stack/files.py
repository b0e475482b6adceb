"""Small files that are replaced whole, so that a reader never sees half of one."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tieline_cli.errors import AlreadyRunningError

_OWNER_ONLY = 0o600


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace `path` by `value`, readable by its owner only."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, to set the mode at creation
        json.dump(value, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def find_json(path: Path) -> dict[str, Any] | None:
    """Return what `path` holds; None when it is not there or not ours."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` until left or the process dies. Raises AlreadyRunningError when another process holds it."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(f"a stack is running in {path.parent} already") from None
        yield


def is_locked(path: Path) -> bool:
    """Tell whether a living process holds `path`."""
    if not path.exists():
        return False
    try:
        with locked(path):
            return False
    except AlreadyRunningError:
        return True
