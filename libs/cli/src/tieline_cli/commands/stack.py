"""`up`, `down`, `status`, `logs`: the local stack."""

from typing import Annotated

import typer

from tieline_cli.commands import show
from tieline_cli.commands.options import DATA_DIR, PORT_BASE, DataDirOption, PortBaseOption, tell
from tieline_cli.errors import AlreadyRunningError, CliError, NotRunningError
from tieline_cli.stack import background
from tieline_cli.stack.endpoints import Endpoints
from tieline_cli.stack.files import is_locked
from tieline_cli.stack.layout import DataDir
from tieline_cli.stack.plan import StackPlan
from tieline_cli.stack.state import StackState


def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once it is ready; `down` stops it.")] = False,
    data_dir: DataDirOption = DATA_DIR,
    port_base: PortBaseOption = PORT_BASE,
    simulators: Annotated[bool, typer.Option(help="Also run stand-ins for Slack, Discord, ServiceNow…")] = True,
) -> None:
    """Start Kafka, MongoDB and the four services, with a demo workspace, and wait until all are ready."""
    folder = DataDir(root=data_dir)
    if (running := background.find_ready(folder)) is not None:
        _already_running(folder, running, port_base)
        return
    if is_locked(folder.lock):
        raise AlreadyRunningError(f"a stack in {data_dir} is starting or stopping; try again in a moment")
    if detach:
        options = ["--data-dir", str(data_dir), "--port-base", str(port_base)]
        background.start(folder, options if simulators else [*options, "--no-simulators"], tell)
        return
    from tieline_cli.stack.up import run  # noqa: PLC0415 - aiokafka takes half a second to import

    plan = StackPlan.from_environment(folder=folder, port_base=port_base, simulators=simulators)
    run(plan, tell, when_ready=lambda endpoints, seconds: tell(show.ready(endpoints, folder, seconds)))


def down(*, data_dir: DataDirOption = DATA_DIR) -> None:
    """Stop the stack; its data stay for the next `up`."""
    stopped = background.stop(DataDir(root=data_dir), tell)
    tell("Stopped." if stopped else f"No stack is running in {data_dir}.")


def status(*, data_dir: DataDirOption = DATA_DIR) -> None:
    """Show what runs, and whether it is ready; exit with 1 when not everything is."""
    folder = DataDir(root=data_dir)
    state = StackState.find(folder)
    if state is None:
        raise NotRunningError(data_dir)
    rows = show.processes(state, Endpoints.find(folder))
    tell(show.table(rows))
    if not state.supervisor.is_running():
        raise CliError("the supervisor is gone; `tieline down` cleans up what it left")
    if not state.ready or any(row.state != show.READY for row in rows):
        raise typer.Exit(1)


def logs(
    service: Annotated[
        str | None, typer.Argument(help="One program, such as `gateway` or `kafka`; all when left out.")
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines of each.")] = 50,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show what the programs of the stack wrote."""
    folder = DataDir(root=data_dir)
    found = {log.stem: log for log in sorted(folder.logs.glob("*.log"))}
    if service is not None and service not in found:
        there = ", ".join(found) or "none yet"
        raise CliError(f"there is no log of {service} in {folder.logs}; there are: {there}")
    show.logs(found if service is None else {service: found[service]}, lines=lines, follow=follow)


def _already_running(folder: DataDir, running: Endpoints, port_base: int) -> None:
    """Say so; a stack asked for on other ports is refused."""
    if not running.gateway.endswith(f":{port_base}") and port_base != PORT_BASE:
        raise AlreadyRunningError(f"a stack is running in {folder.root} already, at {running.gateway}")
    tell(f"A stack is running in {folder.root} already.")
    tell(show.facts(running, folder))
