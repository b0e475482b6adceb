"""The projects of a workspace: `/v1/{workspace_id}/projects`."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from tieline.access import Principal

from tieline_gateway.domain.channel_routes import Reference
from tieline_gateway.domain.errors import NotFoundError
from tieline_gateway.entrypoints.dependencies import IntentDep, ServicesDep, workspace_caller
from tieline_gateway.entrypoints.json_bodies import JsonRoute
from tieline_gateway.handlers.projects import name_projects

MOST_PROJECTS = 1_000


class Projects(BaseModel):
    """Ids or names of projects, as senders give them. With none, routes can be made for any project."""

    model_config = ConfigDict(extra="forbid")

    projects: Annotated[list[Reference], Field(max_length=MOST_PROJECTS)]


def build_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["Projects"], route_class=JsonRoute)

    @router.get("/v1/{workspace_id}/projects", operation_id="list-projects")
    async def list_projects(
        caller: Annotated[Principal, workspace_caller("route.view")], services: ServicesDep
    ) -> Projects:
        """List the projects that the workspace names."""
        workspace = await services.registry.find_workspace(caller.workspace_id)
        if workspace is None:
            raise NotFoundError("workspace")
        return Projects(projects=workspace.projects)

    @router.put("/v1/{workspace_id}/projects", operation_id="set-projects")
    async def set_projects(
        body: Projects,
        _caller: Annotated[Principal, workspace_caller("route.edit")],
        intent: IntentDep,
        services: ServicesDep,
    ) -> Projects:
        """Name the workspace's projects, in place of those named before: routes can be made for no others then."""
        return Projects(projects=await name_projects(services.commands, intent, body.projects))

    return router
