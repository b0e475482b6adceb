"""Options that several commands take."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.layout import DEFAULT_DATA_DIR, DEFAULT_PORT_BASE, DataDir

if TYPE_CHECKING:
    from tieline.settings import KafkaSettings

    from tieline_cli.workspace_client import WorkspaceClient

_BROKERS = "TIELINE_KAFKA__BOOTSTRAP_SERVERS"

DataDirOption = Annotated[Path, typer.Option(help="Where the stack keeps its data, logs and keys.")]
PortBaseOption = Annotated[
    int,
    typer.Option(
        min=1024,
        max=65000,
        help="The gateway's port; webhook router, registry, sync worker, Kafka and MongoDB take the five after it, "
        "simulated providers those from ten above.",
    ),
]
GatewayOption = Annotated[
    str | None, typer.Option("--gateway", envvar="TIELINE_GATEWAY_URL", help="Where the gateway is.")
]
WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", envvar="TIELINE_WORKSPACE", help="The workspace's id or slug.")
]
ApiKeyOption = Annotated[
    str | None, typer.Option("--api-key", envvar="TIELINE_API_KEY", help="A key of it. Better in the environment.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for machines.")]

DATA_DIR = DEFAULT_DATA_DIR
PORT_BASE = DEFAULT_PORT_BASE


def kafka_of(data_dir: Path) -> "KafkaSettings":
    """Return where Kafka is: as the environment says, else that of the local stack."""
    from tieline.settings import KafkaSettings, ServiceSettings, load  # noqa: PLC0415 - slow to import

    local = None if _BROKERS in os.environ else Endpoints.find(DataDir(root=data_dir))
    return load(ServiceSettings).kafka if local is None else KafkaSettings(bootstrap_servers=local.kafka)


def tell(line: str) -> None:
    """Show one line at once, also when the output is a file."""
    print(line, flush=True)


def workspace_of(gateway: str | None, workspace: str | None, api_key: str | None, data_dir: Path) -> "WorkspaceClient":
    """Return a client of the workspace that the options name; what they leave open comes from the local stack."""
    from tieline_cli.workspace_client import WorkspaceAddress, WorkspaceClient  # noqa: PLC0415 - httpx2 is slow to import

    return WorkspaceClient(WorkspaceAddress.of(gateway, workspace, api_key, data_dir))
