"""`tieline topics`: the topics Tieline needs on a Kafka cluster."""

import asyncio

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
