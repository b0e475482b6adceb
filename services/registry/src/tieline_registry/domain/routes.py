"""Saving and deleting channel routes."""

from typing import Any
from urllib.parse import urlsplit

from tieline.contracts.commands import DeleteRoute, SaveRoute
from tieline.contracts.routes import ChannelRoute

from tieline_registry.domain.integrations import Cause, event_id
from tieline_registry.domain.refusals import refused
from tieline_registry.domain.state import StoredRoute, WorkspaceState


def save(state: WorkspaceState, command: SaveRoute, cause: Cause, *, taken: set[str], most: int) -> ChannelRoute:
    """Create or change a route. Raises RefusedError."""
    found = state.routes.get(command.route_id)
    if command.create:
        if found is not None or command.route_id in taken:
            raise refused("invalid", "the id for the new route is taken", route_id=command.route_id)
        if state.counts.routes >= most:
            raise refused("limit_reached", f"a workspace holds {most} routes at most", limit=most)
        route = _created(state, command, cause)
    elif found is None:
        raise refused("route_not_found", "no such route", id=command.route_id)
    else:
        route = found.route
    if command.fallback_route_id is not None:
        _check_fallback(state, command)
    changed = route.model_copy(
        update={**_given(command), "updated_at": cause.now, "revision": route.revision + 1 if found else 1}
    )
    _check_destination(changed)
    if command.project_id is not None:
        _check_project(state, command.project_id)
    state.save_route(StoredRoute(route=changed, event_id=event_id(cause.command_id, route.id)))
    return changed


def delete(state: WorkspaceState, command: DeleteRoute) -> ChannelRoute:
    """Delete a route; return what it was. Raises RefusedError."""
    found = state.routes.get(command.route_id)
    if found is None:
        raise refused("route_not_found", "no such route", id=command.route_id)
    state.delete_route(command.route_id)
    return found.route


def _created(state: WorkspaceState, command: SaveRoute, cause: Cause) -> ChannelRoute:
    if command.event_type is None or command.channel is None or command.channel_id is None:
        raise refused("invalid", "a new route needs an event type, a channel and a channel id")
    return ChannelRoute(
        id=command.route_id,
        workspace_id=state.workspace.id,
        workspace_slug=state.workspace.slug,
        event_type=command.event_type,
        channel=command.channel,
        channel_id=command.channel_id,
        created_at=cause.now,
        updated_at=cause.now,
    )


def _given(command: SaveRoute) -> dict[str, Any]:
    names = ("event_type", "channel", "channel_id", "project_id", "enabled", "filter", "fallback_route_id")
    given: dict[str, Any] = {name: value for name in names if (value := getattr(command, name)) is not None}
    if command.clear_project:
        given["project_id"] = None
    if command.clear_filter:
        given["filter"] = None
    if command.clear_fallback:
        given["fallback_route_id"] = None
    return given


def _check_fallback(state: WorkspaceState, command: SaveRoute) -> None:
    if command.fallback_route_id == command.route_id:
        raise refused("invalid", "a route can't be its own fallback", route_id=command.route_id)
    if command.fallback_route_id not in state.routes:
        raise refused("route_not_found", "no such fallback route", fallback_route_id=command.fallback_route_id)


def _check_destination(route: ChannelRoute) -> None:
    """Refuse a webhook without an address. Where it leads is checked at each call, when it is known."""
    if route.channel != "webhook":
        return
    try:
        address = urlsplit(route.channel_id)
        good = address.scheme in {"https", "http"} and bool(address.hostname) and address.port != 0
    except ValueError:
        good = False
    if not good or "@" in address.netloc or address.fragment:
        what = "a webhook's channel id is its address, such as https://hooks.example.com/tieline"
        raise refused("invalid", what, channel_id=route.channel_id)


def _check_project(state: WorkspaceState, project_id: str) -> None:
    """Refuse a project that is not one of the workspace's; a workspace that names none takes any."""
    known = state.workspace.projects
    if known and project_id not in known:
        raise refused("invalid", f"the workspace has no project {project_id}", project_id=project_id)
