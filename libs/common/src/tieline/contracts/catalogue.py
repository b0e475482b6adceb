"""Which messages each topic carries: what the AsyncAPI document is made from."""

from dataclasses import dataclass

from pydantic import BaseModel

from tieline import topics
from tieline.contracts import commands, integrations, routes, sync


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One kind of record. `name` is its `ce_type`; `model` None means that the value is the sender's own JSON."""

    name: str
    model: type[BaseModel] | None
    summary: str


def _described(type_: str, model: type[BaseModel]) -> Message:
    return Message(name=type_, model=model, summary=(model.__doc__ or "").strip().partition("\n")[0])


MESSAGES: dict[str, tuple[Message, ...]] = {
    topics.REGISTRY_COMMANDS: tuple(
        _described(model.model_fields["type"].default, model)
        for model in (
            commands.CreateWorkspace,
            commands.IssueApiKey,
            commands.RevokeApiKey,
            commands.SaveIntegrations,
            commands.DeleteIntegration,
            commands.SaveRoute,
            commands.DeleteRoute,
            commands.SetProjects,
        )
    ),
    topics.GATEWAY_REPLIES: (_described("registry.reply", commands.Reply),),
    topics.INTEGRATION_EVENTS: (
        _described(integrations.INTEGRATION_SAVED, integrations.Integration),
        Message(name=integrations.INTEGRATION_DELETED, model=None, summary="A tombstone: the integration is gone."),
    ),
    topics.ROUTE_EVENTS: (
        _described(routes.ROUTE_SAVED, routes.ChannelRoute),
        Message(name=routes.ROUTE_DELETED, model=None, summary="A tombstone: the route is gone."),
    ),
    topics.SYNC_COMMANDS: tuple(
        _described(model.model_fields["type"].default, model) for model in (sync.StartRun, sync.CancelRun)
    ),
    topics.SYNC_EVENTS: tuple(
        _described(model.model_fields["type"].default, model)
        for model in (sync.RunQueued, sync.RunAttached, sync.RunProgress, sync.RunCompleted, sync.RunFailed)
    ),
    topics.EVENTS: (
        Message(
            name="*", model=None, summary="A CloudEvent in binary mode; the value is the body as its sender sent it."
        ),
    ),
    topics.AGENT_EVENTS: (
        Message(name="*", model=None, summary="An event that a route took, once, in full; `ce_agentid` is its key."),
    ),
    topics.DELIVERY_EVENTS: (
        Message(name="delivery.*", model=None, summary="What became of one event's delivery to one route."),
    ),
}
