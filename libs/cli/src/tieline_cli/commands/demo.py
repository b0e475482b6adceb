"""`tieline demo`."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tieline_cli.commands.options import tell
from tieline_cli.stack.layout import PORTS_IN_A_ROW, DataDir
from tieline_cli.stack.plan import StackPlan


def demo(
    *,
    data_dir: Annotated[Path | None, typer.Option(help="Keep the data here; a folder of its own otherwise.")] = None,
    port_base: Annotated[int | None, typer.Option(min=1024, max=65000, help="As of `up`; free ones otherwise.")] = None,
) -> None:
    """Do the main job once on sample input, show each step, stop everything; exit with 1 if a step did not happen."""
    from rich.console import Console  # noqa: PLC0415 - aiokafka and rich take most of a second to import

    from tieline_cli.demo import runner  # noqa: PLC0415
    from tieline_cli.processes.ports import free_base  # noqa: PLC0415

    root = data_dir or Path(tempfile.mkdtemp(prefix="tieline-demo-"))
    happened = False
    try:
        plan = StackPlan.from_environment(
            folder=DataDir(root=root), port_base=port_base or free_base(PORTS_IN_A_ROW), simulators=True
        )
        happened = runner.run(plan, Console())
    finally:
        if data_dir is None and happened:
            shutil.rmtree(root, ignore_errors=True)
        elif data_dir is None:
            tell(f"The logs are kept in {root / 'logs'}")
    if not happened:
        raise typer.Exit(1)
