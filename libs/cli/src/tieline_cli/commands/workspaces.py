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
) -> None:
    """Create a workspace with its first API key, which is shown once and may do everything in it.

    Reads where Kafka is from the environment: TIELINE_KAFKA__BOOTSTRAP_SERVERS and the others of that block.
    """
    from tieline.access import generate_key  # noqa: PLC0415 - aiokafka takes half a second to import
    from tieline.settings import ServiceSettings, load  # noqa: PLC0415

    from tieline_cli.workspaces import create_workspace  # noqa: PLC0415

    key = generate_key()
    settings = load(ServiceSettings).kafka
    workspace = asyncio.run(create_workspace(settings, slug=slug, name=name or slug, api_key=key))
    tell(f"workspace  {workspace.slug} ({workspace.id})")
    tell(f"API key    {key}")
