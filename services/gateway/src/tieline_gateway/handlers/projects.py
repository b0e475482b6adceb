"""Naming the projects of a workspace."""

from collections.abc import Sequence

from tieline.contracts.commands import SetProjects

from tieline_gateway.domain.commands import Intent
from tieline_gateway.handlers.ports import Commands


async def name_projects(commands: Commands, intent: Intent, projects: Sequence[str]) -> list[str]:
    """Name them in place of those named before; return them in order.

    Safe to repeat with the same intent. Raises what `Commands.send` raises.
    """
    reply = await commands.send(SetProjects.model_validate({**intent.base(), "projects": list(projects)}))
    assert reply.workspace is not None  # noqa: S101 - the contract: a reply to this command that is no refusal has it
    return reply.workspace.projects
