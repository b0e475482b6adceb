"""`tieline quarantine`: webhooks that could not be verified."""

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieline_cli.commands.options import (
    DATA_DIR,
    ApiKeyOption,
    DataDirOption,
    GatewayOption,
    WorkspaceOption,
    tell,
    workspace_of,
)

if TYPE_CHECKING:
    from tieline_cli.workspace_client import WorkspaceClient

app = typer.Typer(
    help="Webhooks that could not be verified: no secret, no signature, a wrong one, a stale one.",
    no_args_is_help=True,
)

PAGE = 200

IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Entries, as `list` shows them.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every entry of the workspace.")]


@app.command("list")
def show(
    *,
    most: Annotated[int, typer.Option(min=1, help="Show so many, the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for machines.")] = False,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """List refused webhooks, newest first. Their content stays sealed."""
    with workspace_of(gateway, workspace, api_key, data_dir) as client:
        entries = list(islice(_entries(client), most))
    tell(json.dumps(entries, indent=2) if as_json else _table(entries))


@app.command()
def reverify(
    ids: IdsArgument = None,
    *,
    every: AllOption = False,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Tell which refused webhooks are genuine by the secrets of today; exit with 1 when one is not."""
    with workspace_of(gateway, workspace, api_key, data_dir) as client:
        chosen = _chosen(client, ids, every=every)
        _report({each: _refusal(client, each, "reverify", "verified") for each in chosen}, "genuine")


@app.command()
def replay(
    ids: IdsArgument = None,
    *,
    every: AllOption = False,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Take refused webhooks in that are genuine by the secrets of today; exit with 1 when one is not.

    One that its sender repeated meanwhile is the same event, and delivered no second time.
    """
    with workspace_of(gateway, workspace, api_key, data_dir) as client:
        chosen = _chosen(client, ids, every=every)
        _report({each: _refusal(client, each, "replay", "received") for each in chosen}, "taken in")


def _entries(client: "WorkspaceClient") -> Iterable[dict[str, Any]]:
    return client.pages("quarantine", "entries", limit=PAGE)


def _chosen(client: "WorkspaceClient", ids: Sequence[str] | None, *, every: bool) -> list[str]:
    if bool(ids) == every:
        raise typer.BadParameter("name entries, or say --all")
    return list(ids) if ids else [each["id"] for each in _entries(client)]


def _refusal(client: "WorkspaceClient", entry: str, action: str, verdict: str) -> str | None:
    """Return why an entry was refused, None if it was not; one that can't be asked about holds up no other."""
    from tieline_cli.workspace_client import AskedInVainError  # noqa: PLC0415 - httpx2 is slow to import

    try:
        answer = client.post(f"quarantine/{entry}/{action}")
    except AskedInVainError as error:
        return str(error)
    return None if answer[verdict] else str(answer["reason"])


def _report(refused: dict[str, str | None], done: str) -> None:
    for entry, reason in refused.items():
        tell(f"{entry}  {done if reason is None else f'refused: {reason}'}")
    held = sum(reason is not None for reason in refused.values())
    tell(f"{len(refused) - held} {done}, {held} refused")
    if held:
        raise typer.Exit(1)


def _table(entries: Sequence[dict[str, Any]]) -> str:
    if not entries:
        return "The quarantine is empty."
    lines = [f"{'entry':<36}  {'received':<19}  {'source':<18}{'reason':<22}{'times':>6}{'bytes':>9}"]
    lines += [
        f"{each['id']:<36}  {each['receivedAt'][:19]}  {each['source']:<18}{each['reason']:<22}"
        f"{each['times']:>6,}{each['size']:>9,}"
        for each in entries
    ]
    return "\n".join(lines)
