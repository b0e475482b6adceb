"""`tieline events`: what comes in."""

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tieline_cli.commands.options import DATA_DIR, DataDirOption, kafka_of, tell

if TYPE_CHECKING:
    from tieline.settings import KafkaSettings

    from tieline_cli.event_tail import Wanted

app = typer.Typer(help="Events: verified webhooks, and what services emit.", no_args_is_help=True)


@app.callback()
def events() -> None:
    """Hold the sub-commands, also while there is one."""


@app.command()
def tail(
    *,
    pattern: Annotated[
        str | None, typer.Option(help="Only events that these patterns take, as in routes: 'sentry.*, !**.resolved'.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Only what is handed to this agent: 'agent-incident-…'.")] = None,
    workspace: Annotated[str | None, typer.Option(help="Only events of this workspace, by its id.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="Begin with those of so many minutes past.")] = 0,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As CloudEvents, one line of JSON each.")] = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show events as they come in, until Ctrl-C.

    Reads Kafka, and commits nothing: the brokers that TIELINE_KAFKA__BOOTSTRAP_SERVERS and the others of that block
    name, else those of the local stack.
    """
    from tieline.routing.patterns import RoutePatterns  # noqa: PLC0415 - slow to import, with what follows

    from tieline_cli.event_tail import Wanted  # noqa: PLC0415

    wanted = Wanted(
        patterns=None if pattern is None else RoutePatterns.parse(pattern), workspace_id=workspace, agent_id=agent
    )
    asyncio.run(_show(kafka_of(data_dir), wanted, back=timedelta(minutes=minutes), most=count, as_json=as_json))


async def _show(kafka: "KafkaSettings", wanted: "Wanted", *, back: timedelta, most: int | None, as_json: bool) -> None:
    from tieline_cli.event_tail import as_cloudevent, as_line, followed  # noqa: PLC0415 - aiokafka is slow to import

    shown = 0
    async with aclosing(followed(kafka, wanted, back=back)) as found:
        async for record in found:
            tell(as_cloudevent(record) if as_json else as_line(record))
            shown += 1
            if shown == most:
                return
