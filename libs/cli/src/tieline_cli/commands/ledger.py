"""`tieline ledger`: whether everything received is accounted for."""

import json
from typing import Any

import typer

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


def ledger(
    *,
    gateway: GatewayOption = None,
    workspace: WorkspaceOption = None,
    api_key: ApiKeyOption = None,
    data_dir: DataDirOption = DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Show a workspace's books: received = delivered + pending + parked + dead + suppressed; exit with 1 if not so."""
    with workspace_of(gateway, workspace, api_key, data_dir) as client:
        books = client.get("/ledger")
    tell(json.dumps(books, indent=2) if as_json else _shown(books))
    if not books["balanced"]:
        raise typer.Exit(1)


def _shown(books: dict[str, Any]) -> str:
    reasons = books["suppressedByReason"]
    lines = [f"{'received':<24}{books['received']:>12,}"]
    lines += [f"  {name:<22}{books[name]:>12,}" for name in ("delivered", "pending", "parked", "dead", "suppressed")]
    lines += [f"    {reason:<20}{amount:>12,}" for reason, amount in sorted(reasons.items())]
    verdict = "They balance." if books["balanced"] else "They do NOT balance."
    return "\n".join([f"Books of {books['workspaceId']} as of {books['asOf']}", *lines, verdict])
