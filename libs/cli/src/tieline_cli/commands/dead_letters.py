"""`tieline dead-letters`: records that could not be handled."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieline_cli.commands.options import DATA_DIR, DataDirOption, kafka_of, tell

if TYPE_CHECKING:
    from tieline_cli.dead_letters import DeadLetter

app = typer.Typer(help="Records that a consumer group could not handle, with the reason.", no_args_is_help=True)

GroupOption = Annotated[str | None, typer.Option(help="Only of this consumer group: 'registry.apply-commands'.")]


@app.command("list")
def show(
    *,
    group: GroupOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for machines.")] = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """List the records that wait, the oldest of each group first. Their values are not shown: they are tenants' data.

    Reads Kafka: the brokers that TIELINE_KAFKA__BOOTSTRAP_SERVERS and the others of that block name, else those of the
    local stack.
    """
    letters = _waiting(data_dir, group)
    if as_json:
        tell(json.dumps([{"id": letter.id, **asdict(letter)} for letter in letters], default=str, indent=2))
        return
    for letter in letters:
        tell(
            f"{letter.set_aside_at:%Y-%m-%d %H:%M:%S}  {letter.id}  {letter.event_type or '?'}  from {letter.came_from}"
        )
        tell(f"    {letter.error}: {letter.reason}")
    tell(f"{len(letters)} waiting" if letters else "No dead letters wait.")


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Letters, as `list` shows them.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that wait, or all of --group.")] = False,
    group: GroupOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Put records on their topics again, once their cause is mended.

    Safe to repeat and to kill: whoever reads them knows them by their ids.
    """
    if bool(ids) == every:
        raise typer.BadParameter("name letters, or say --all")
    letters = _waiting(data_dir, group)
    asyncio.run(_replay(data_dir, letters, ids))


def _waiting(data_dir: Path, group: str | None) -> "list[DeadLetter]":
    from tieline.topics import CONSUMER_GROUPS  # noqa: PLC0415 - aiokafka takes half a second to import

    from tieline_cli.dead_letters import waiting  # noqa: PLC0415

    return asyncio.run(waiting(kafka_of(data_dir), CONSUMER_GROUPS if group is None else (group,)))


async def _replay(data_dir: Path, letters: "Sequence[DeadLetter]", ids: Sequence[str] | None) -> None:
    from tieline_cli import dead_letters as work  # noqa: PLC0415 - aiokafka takes half a second to import

    done = 0
    async for letter in work.replay(kafka_of(data_dir), work.chosen(letters, ids) if ids else letters):
        tell(f"{letter.id}  put back on {letter.came_from.rsplit('/', 2)[0]}")
        done += 1
    tell(f"{done} replayed")
