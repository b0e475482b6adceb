"""Where a stack's files are and which ports it takes."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA_DIR = Path(".tieline")
DEFAULT_PORT_BASE = 8400

SERVICES = ("gateway", "webhook_router", "registry", "sync_worker")
"""Their ports are the base and the three after it, in this order."""

SIMULATORS = (
    *("slack", "discord", "servicenow", "pagerduty", "telegram", "whatsapp", "webhook"),
    *("sentry", "linear", "jira", "github"),
)
"""Their ports are ten above the base, in this order."""

_KAFKA, _MONGO, _SIMULATORS = 4, 5, 10
PORTS_IN_A_ROW = _SIMULATORS + len(SIMULATORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPlan:
    """A port for every part, counted from `base`."""

    base: int

    @property
    def services(self) -> dict[str, int]:
        """Ports by service."""
        return {name: self.base + offset for offset, name in enumerate(SERVICES)}

    @property
    def kafka(self) -> int:
        """The embedded broker's port."""
        return self.base + _KAFKA

    @property
    def mongo(self) -> int:
        """The embedded database's port."""
        return self.base + _MONGO

    @property
    def simulators(self) -> dict[str, int]:
        """Ports by simulated provider."""
        return {name: self.base + _SIMULATORS + offset for offset, name in enumerate(SIMULATORS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDir:
    """One stack's folder: what it stores, what it logs, who runs it."""

    root: Path

    def create(self) -> None:
        """Make the folder; it keeps itself out of version control, because it holds keys."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        (self.root / ".gitignore").write_text("*\n", encoding="utf-8")

    @property
    def kafka(self) -> Path:
        """What the embedded broker stores."""
        return self.root / "kafka"

    @property
    def mongo(self) -> Path:
        """What the embedded database stores."""
        return self.root / "mongo"

    @property
    def spool(self) -> Path:
        """Webhooks that were accepted while Kafka was away."""
        return self.root / "spool"

    @property
    def logs(self) -> Path:
        """One file for each program, and `supervisor.log` of a stack that runs in the background."""
        return self.root / "logs"

    @property
    def endpoints(self) -> Path:
        """Addresses and the demo workspace's key, there while the stack is ready."""
        return self.root / "endpoints.json"

    @property
    def secrets(self) -> Path:
        """Keys of this stack, made at its first start."""
        return self.root / "secrets.json"

    @property
    def state(self) -> Path:
        """The processes of the running stack."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.root / "lock"

    def log_of(self, program: str) -> Path:
        """Return the log file of `program`."""
        return self.logs / f"{program}.log"
