"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from tieline_cli.stack.layout import DEFAULT_DATA_DIR, DEFAULT_PORT_BASE

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

DATA_DIR = DEFAULT_DATA_DIR
PORT_BASE = DEFAULT_PORT_BASE


def tell(line: str) -> None:
    """Show one line at once, also when the output is a file."""
    print(line, flush=True)
