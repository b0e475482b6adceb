"""`tieline deliveries`: what became of events, and sending them (again)."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tieline.clock import system_clock

from tieline_cli.commands.options import (
    DATA_DIR,
    ApiKeyOption,
    DataDirOption,
    GatewayOption,
    JsonOption,
    WorkspaceOption,
    tell,
    workspace_of,
)
from tieline_cli.errors import CliError
from tieline_cli.moments import moment

if TYPE_CHECKING:
    from tieline_cli.deliveries import Action, Selected
    from tieline_cli.workspace_client import WorkspaceClient

app = typer.Typer(
    help="What became of events: list, show, release what is parked, send again.",
    no_args_is_help=True,
)

IdsArgument = Annotated[list[str] | None, typer.Argument(help="Ids of deliveries; or say which by the options.")]
StateOption = Annotated[str | None, typer.Option(help="pending, delivered, parked, dead or suppressed.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="Pattern of event types, such as `sentry.*`.")]
ChannelOption = Annotated[str | None, typer.Option(help="slack, discord, telegram, whatsapp or webhook.")]
ChannelIdOption = Annotated[str | None, typer.Option(help="The channel at the provider, such as C0ALERTS.")]
RouteOption = Annotated[str | None, typer.Option(help="Id of a route.")]
EventOption = Annotated[str | None, typer.Option(help="Id of an event.")]
ReasonOption = Annotated[str | None, typer.Option(help="Why it is parked, such as route_disabled.")]
SinceOption = Annotated[str | None, typer.Option(help="Made since: 90m, 6h or 3d ago, or 2026-03-21T14:05Z.")]
UntilOption = Annotated[str | None, typer.Option(help="Made before, in the same forms.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_(
    *,
    state: StateOption = None,
    event_type: TypeOption = None,
    channel: ChannelOption = None,
    channel_id: ChannelIdOption = None,
    route: RouteOption = None,
    event: EventOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most to show.")] = 50,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """List deliveries, newest first."""
    from tieline_cli.deliveries import listed  # noqa: PLC0415 - its imports are slow

    selected = _selected(
        state=state,
        event_type=event_type,
        channel=channel,
        channel_id=channel_id,
        route_id=route,
        event_id=event,
        reason=reason,
        since=since,
        until=until,
    )
    with workspace_of(gateway, workspace, api_key, data_dir) as client:
        found = listed(client, selected, most=limit)
    if as_json:
        tell(json.dumps(found, indent=2, ensure_ascii=False))
        return
    tell(f"{'id':<37}{'state':<12}{'tries':>5}  {'event':<30} {'to':<34} why")
    for each in found:
        to = f"{each['channel']} {each['channelId']}"
        why = each["reason"] or ("the message may be there twice" if each["uncertain"] else "")
        tell(f"{each['id']:<37}{each['state']:<12}{each['attempts']:>5}  {each['eventType']:<30} {to:<34} {why}")


@app.command()
def show(
    delivery_id: str,
    *,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Show one delivery with its attempts."""
    with workspace_of(gateway, workspace, api_key, data_dir) as client:
        found = client.get(f"/deliveries/{delivery_id}")
    tell(json.dumps(found, indent=2, ensure_ascii=False) if as_json else _shown(found))


@app.command()
def release(
    ids: IdsArgument = None,
    *,
    event_type: TypeOption = None,
    channel: ChannelOption = None,
    channel_id: ChannelIdOption = None,
    route: RouteOption = None,
    event: EventOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    yes: YesOption = False,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Send parked deliveries, even if their route is disabled or gone. Safe to repeat."""
    selected = _selected(
        state="parked",
        event_type=event_type,
        channel=channel,
        channel_id=channel_id,
        route_id=route,
        event_id=event,
        reason=reason,
        since=since,
        until=until,
    )
    _do(workspace_of(gateway, workspace, api_key, data_dir), "release", ids, selected, yes=yes)


@app.command()
def replay(
    ids: IdsArgument = None,
    *,
    state: StateOption = None,
    event_type: TypeOption = None,
    channel: ChannelOption = None,
    channel_id: ChannelIdOption = None,
    route: RouteOption = None,
    event: EventOption = None,
    reason: ReasonOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    yes: YesOption = False,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Send deliveries once more, whatever became of them: each time that this is done."""
    selected = _selected(
        state=state,
        event_type=event_type,
        channel=channel,
        channel_id=channel_id,
        route_id=route,
        event_id=event,
        reason=reason,
        since=since,
        until=until,
    )
    _do(workspace_of(gateway, workspace, api_key, data_dir), "replay", ids, selected, yes=yes)


def _do(client: "WorkspaceClient", action: "Action", ids: list[str] | None, selected: "Selected", *, yes: bool) -> None:
    """Do `action` to the deliveries that are given, or selected; ask first when they are not given by their ids."""
    from tieline_cli.deliveries import done_with, ids_of  # noqa: PLC0415

    if not ids and not selected.query:
        raise CliError(f"say which deliveries to {action}: their ids, or options such as --state or --since")
    with client:
        wanted = ids or ids_of(client, selected)
        if not wanted:
            tell("There are none.")
            return
        if not ids and not yes:
            typer.confirm(f"{action.capitalize()} {len(wanted):,} deliveries?", abort=True)
        done = done_with(client, action, wanted)
    tell(f"{len(done):,} of {len(wanted):,} deliveries will be sent")
    if not done:
        raise typer.Exit(1)


def _selected(*, since: str | None, until: str | None, **exact: str | None) -> "Selected":
    from tieline_cli.deliveries import Selected  # noqa: PLC0415

    now = system_clock()
    return Selected(
        **exact,
        since=None if since is None else moment(since, now),
        until=None if until is None else moment(until, now),
    )


def _shown(found: Mapping[str, Any]) -> str:
    facts = {
        "delivery": found["id"],
        "event": f"{found['eventType']} ({found['eventId']})",
        "title": found["title"],
        "to": f"{found['channel']} {found['channelId']}, by route {found['routeId']}",
        "state": found["state"] + (f": {found['reason']}" if found["reason"] else ""),
        "next attempt": found["nextAttemptAt"] or "–",
        "uncertain": "yes: an answer was lost, the message may be there twice" if found["uncertain"] else "no",
    }
    lines = [f"{name:<14}{value}" for name, value in facts.items()]
    lines += [
        f"  {each['at']}  {each['outcome']:<13}{each['milliseconds']:>6} ms  {each['detail']}"
        for each in found["history"]
    ]
    return "\n".join(lines)
