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

DATA_DIR = DEFAULT_DATA_DIR
PORT_BASE = DEFAULT_PORT_BASE


def tell(line: str) -> None:
    """Show one line at once, also when the output is a file."""
    print(line, flush=True)
