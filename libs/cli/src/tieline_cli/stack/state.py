"""Who runs in a data folder: written by the supervisor after every start of a child, read by the other commands."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tieline_cli.processes.identity import ProcessIdentity
from tieline_cli.stack.files import find_json, write_json
from tieline_cli.stack.layout import DataDir


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """A stack's processes. `ready` once everything answered."""

    supervisor: ProcessIdentity
    children: Mapping[str, ProcessIdentity] = field(default_factory=dict)
    ready: bool = False

    def save(self, folder: DataDir) -> None:
        """Replace the state file."""
        write_json(folder.state, asdict(self))

    @classmethod
    def find(cls, folder: DataDir) -> "StackState | None":
        """Return what the last supervisor wrote; None when it stopped cleanly or never was."""
        stored = find_json(folder.state)
        if stored is None:
            return None
        try:
            return cls(
                supervisor=_identity(stored["supervisor"]),
                children={name: _identity(child) for name, child in stored["children"].items()},
                ready=bool(stored["ready"]),
            )
        except (KeyError, TypeError):
            return None

    def leftovers(self) -> dict[str, ProcessIdentity]:
        """Return the children that still run."""
        return {name: child for name, child in self.children.items() if child.is_running()}


def _identity(stored: Mapping[str, Any]) -> ProcessIdentity:
    return ProcessIdentity(pid=int(stored["pid"]), started=str(stored["started"]))
