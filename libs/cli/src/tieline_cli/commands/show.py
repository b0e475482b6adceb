"""How outcomes look on a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tieline_cli.embedded import kafka
from tieline_cli.processes.readiness import answers_ready
from tieline_cli.stack import logs as log_files
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.layout import DEFAULT_DATA_DIR, SERVICES, DataDir
from tieline_cli.stack.state import StackState

READY = "ready"
_NOISE = {"kafka": kafka.NOISE}


def ready(endpoints: Endpoints, folder: DataDir, seconds: float) -> str:
    """Return what a person sees when the stack is up."""
    return "\n".join(
        (
            f"Tieline is up, after {seconds:.1f} s.",
            "",
            facts(endpoints, folder),
            "",
            "Try:",
            f"  curl -s {endpoints.gateway}/api/integrations/status \\",
            f"    -H 'x-org-id: {endpoints.org}' -H 'x-api-key: {endpoints.api_key}'",
            "",
            f"Stop it with Ctrl-C or `{command('down', folder)}`; its data stay.",
        )
    )


def facts(endpoints: Endpoints, folder: DataDir) -> str:
    """Return where the stack is and how to use it."""
    return "\n".join(
        (
            f"  address     {endpoints.gateway}",
            f"  workspace   {endpoints.org} ({endpoints.workspace_id})",
            f"  API key     {endpoints.api_key}",
            f"  logs        {folder.logs}   (`{command('logs', folder)}`)",
            f"  all of it   {folder.endpoints}",
        )
    )


def command(name: str, folder: DataDir) -> str:
    """Return the command that does `name` to this folder's stack."""
    where = "" if folder.root == DEFAULT_DATA_DIR else f" --data-dir {folder.root}"
    return f"tieline {name}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """One line of `tieline status`."""

    name: str
    pid: int
    state: str
    address: str


def processes(state: StackState, endpoints: Endpoints | None) -> list[ProcessRow]:
    """Return the stack's processes, services asked whether they are ready."""
    addresses = {} if endpoints is None else {name: getattr(endpoints, name) for name in (*SERVICES, "kafka", "mongo")}
    addresses |= {"mongo": urlsplit(addresses["mongo"]).netloc} if addresses else {}
    rows = [
        ProcessRow(
            name="supervisor", pid=state.supervisor.pid, state=_running(state.supervisor.is_running()), address=""
        )
    ]
    for name, child in state.children.items():
        address = addresses.get(name, "")
        found = _running(child.is_running())
        if found == READY and name in SERVICES:
            found = _asked(address)
        rows.append(ProcessRow(name=name, pid=child.pid, state=found, address=address))
    return rows


def table(rows: Sequence[ProcessRow]) -> str:
    """Return `rows` in columns."""
    lines = [f"{'process':<16}{'pid':>8}  {'address':<28}state"]
    return "\n".join([*lines, *(f"{row.name:<16}{row.pid:>8}  {row.address:<28}{row.state}" for row in rows)])


def logs(files: Mapping[str, Path], *, lines: int, follow: bool) -> None:
    """Print the last `lines` of each file, and what is appended when `follow`."""
    width = max(map(len, files), default=0)
    for name, file in files.items():
        for line in log_files.last_lines(file, lines, _NOISE.get(name)):
            _print_log_line(name, line, width, alone=len(files) == 1)
    if follow:
        for name, line in log_files.follow(files, _NOISE):
            _print_log_line(name, line, width, alone=len(files) == 1)


def _print_log_line(name: str, line: str, width: int, *, alone: bool) -> None:
    print(line if alone else f"{name:<{width}} | {line}", flush=True)


def _running(is_running: bool) -> str:
    return READY if is_running else "gone"


def _asked(address: str) -> str:
    if not address:
        return "starting"
    parts = urlsplit(address)
    return answers_ready(parts.hostname or "", parts.port or 0) or READY
