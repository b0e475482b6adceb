"""Ports on loopback: which are free, and who holds the others."""

import contextlib
import os
import random
import socket
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from tieline_cli.errors import PortInUseError
from tieline_cli.processes.program import LOOPBACK

_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp


def require_free(ports: Mapping[str, int]) -> None:
    """Raise PortInUseError naming every taken port of `ports` and, where the system tells, its holder."""
    taken = {name: port for name, port in ports.items() if not is_free(port)}
    if taken:
        raise PortInUseError(taken, holders(taken.values()))


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def free_base(count: int, *, first: int = 20000, last: int = 31000, step: int = 50) -> int:
    """Return a port from which `count` ports in a row were free a moment ago, below the range the system hands out.

    Starts looking at a place by chance, so that two that look at once rarely meet.
    """
    places = range(first, last, step)
    offset = random.randrange(len(places))
    for index in range(len(places)):
        base = places[(index + offset) % len(places)]
        if all(is_free(port) for port in range(base, base + count)):
            return base
    raise PortInUseError({f"a row of {count} ports": first}, {})


def holders(ports: Iterable[int]) -> dict[int, str]:
    """Return `process 4711 (python -m http.server)` by port, for those whose owner may be seen; Linux only."""
    if sys.platform != "linux":
        return {}
    inodes = _listening_inodes(set(ports))
    found: dict[int, str] = {}
    for pid, inode in _sockets_of_processes(inodes):
        found[inodes[inode]] = f"process {pid} ({_command(pid)})"
    return found


def _listening_inodes(ports: Collection[int]) -> dict[str, int]:
    inodes: dict[str, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            port = int(fields[1].rpartition(":")[2], 16)
            if fields[3] == _LISTEN and port in ports:
                inodes[fields[9]] = port
    return inodes


def _sockets_of_processes(inodes: Collection[str]) -> Iterable[tuple[int, str]]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or not wanted:
            continue
        yield from ((int(process.name), wanted[link]) for link in _open_files(process) if link in wanted)


def _open_files(process: Path) -> Iterable[str]:
    """Yield what the descriptors of a process stand for; nothing for another user's process, or one that is gone."""
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                yield os.readlink(descriptor)  # noqa: PTH115 - not a path on disk


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return "its command can't be read"
    return " ".join(words).strip()[:120]
