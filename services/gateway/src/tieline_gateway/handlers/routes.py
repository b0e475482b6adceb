"""Saving and deleting channel routes."""

from typing import Any

from tieline.contracts.commands import DeleteRoute, SaveRoute
from tieline.contracts.routes import ChannelRoute

from tieline_gateway.domain.commands import Intent
from tieline_gateway.handlers.ports import Commands


async def save(commands: Commands, intent: Intent, route_id: str, *, create: bool, **fields: Any) -> ChannelRoute:
    """Create or change a route; `fields` are those of `SaveRoute`.

    Safe to repeat with the same intent. Raises what `Commands.send` raises.
    """
    command = SaveRoute.model_validate({**intent.base(), "route_id": route_id, "create": create, **fields})
    reply = await commands.send(command)
    assert reply.route is not None  # noqa: S101 - the contract: a reply to this command that is no refusal has it
    return reply.route


async def delete(commands: Commands, intent: Intent, route_id: str) -> None:
    """Delete a route. Safe to repeat with the same intent; raises what `Commands.send` raises."""
    await commands.send(DeleteRoute.model_validate({**intent.base(), "route_id": route_id}))
