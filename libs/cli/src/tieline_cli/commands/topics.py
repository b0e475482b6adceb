"""`tieline topics`: the topics Tieline needs on a Kafka cluster."""

import asyncio
from typing import Annotated

import typer

from tieline_cli.commands.options import tell

app = typer.Typer(help="The topics Tieline needs on a Kafka cluster.", no_args_is_help=True)


@app.callback()
def topics() -> None:
    """Hold the sub-commands, also while there is one."""


@app.command()
def apply() -> None:
    """Create the topics that are missing; set retention and clean-up on all. Safe to repeat.

    Reads where Kafka is from the environment: TIELINE_KAFKA__BOOTSTRAP_SERVERS and the others of that block.
    """
    from tieline.settings import ServiceSettings, load  # noqa: PLC0415 - aiokafka takes half a second to import
    from tieline.topics import CATALOGUE, apply_topics  # noqa: PLC0415

    settings = load(ServiceSettings).kafka
    created = asyncio.run(apply_topics(settings))
    for name in created:
        tell(f"created {name}")
    tell(f"{len(CATALOGUE)} topics at {settings.bootstrap_servers}: {len(created)} created, settings applied to all")


@app.command()
def rebuild(
    *,
    begin: Annotated[
        str | None, typer.Option("--from", help="Where a rebuild that stopped said to go on; the start when left out.")
    ] = None,
    page: Annotated[int, typer.Option(min=1, max=500, help="Integrations or routes that are published at once.")] = 500,
) -> None:
    """Publish all integrations and routes again, from the registry's database, to the topics made of them.

    For when Kafka lost the compacted topics or was restored from a backup; the topics must exist. What they still tell
    of but the database no longer has is forgotten. Safe to repeat and to kill, and while everything runs. Asks the
    registry named by TIELINE_INTERNAL__REGISTRY_URL, with TIELINE_INTERNAL__TOKEN, and reads the topics from
    TIELINE_KAFKA__BOOTSTRAP_SERVERS.
    """
    from tieline.settings import ServiceSettings, load  # noqa: PLC0415 - aiokafka takes half a second to import

    from tieline_cli.rebuilding import Place, rebuild_topics  # noqa: PLC0415

    settings = load(ServiceSettings)
    place = Place() if begin is None else Place.parse(begin)
    rebuild_topics(settings.kafka, settings.internal, tell, begin=place, page=page)
