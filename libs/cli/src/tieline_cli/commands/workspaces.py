"""`tieline workspaces`: the tenants."""

import asyncio
from typing import Annotated

import typer

from tieline_cli.commands.options import tell

app = typer.Typer(help="The tenants.", no_args_is_help=True)


@app.callback()
def workspaces() -> None:
    """Hold the sub-commands, also while there is one."""


@app.command()
def create(
    slug: Annotated[str, typer.Argument(help="What callers name it by, such as `org-acme-corp`.")],
    *,
    name: Annotated[str | None, typer.Option(help="What people read; the slug when left out.")] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make another key when the workspace exists.")] = False,
) -> None:
    """Create a workspace with its first API key, which is shown once and may do everything in it.

    Reads where Kafka is from the environment: TIELINE_KAFKA__BOOTSTRAP_SERVERS and the others of that block.
    """
    from tieline.operator import create_workspace  # noqa: PLC0415 - aiokafka takes half a second to import
    from tieline.settings import ServiceSettings, load  # noqa: PLC0415

    kafka = load(ServiceSettings).kafka
    created = asyncio.run(create_workspace(kafka, slug=slug, name=name or slug, new_key=new_key))
    tell(f"workspace  {created.slug} ({created.workspace_id})")
    if created.api_key is None:
        tell("It was there already; --new-key makes another key for it.")
    else:
        tell(f"API key    {created.api_key}")
