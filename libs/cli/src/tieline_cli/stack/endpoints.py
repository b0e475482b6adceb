"""`endpoints.json`: where everything of a ready stack is, and the key to it."""

from dataclasses import asdict, dataclass, field

from tieline_cli.stack.files import find_json, write_json
from tieline_cli.stack.layout import DataDir
from tieline_cli.stack.plan import StackPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses, the demo workspace and its API key."""

    gateway: str
    webhook_router: str
    registry: str
    sync_worker: str
    kafka: str
    mongo: str = field(repr=False)  # an external one may carry a password
    org: str
    workspace_id: str
    api_key: str = field(repr=False)
    simulators: dict[str, str]

    @classmethod
    def of(cls, plan: StackPlan, *, org: str, workspace_id: str, api_key: str) -> "Endpoints":
        """Return the endpoints of a stack started by `plan`."""
        return cls(
            **plan.services,
            kafka=plan.bootstrap_servers,
            mongo=plan.mongo_url,
            org=org,
            workspace_id=workspace_id,
            api_key=api_key,
            simulators=plan.simulator_addresses,
        )

    def save(self, folder: DataDir) -> None:
        """Write the file, readable by its owner only."""
        write_json(folder.endpoints, asdict(self))

    @classmethod
    def find(cls, folder: DataDir) -> "Endpoints | None":
        """Return the endpoints of the folder's stack; None when it is not ready."""
        stored = find_json(folder.endpoints)
        return None if stored is None else cls(**stored)
