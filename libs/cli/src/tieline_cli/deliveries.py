"""Which deliveries an operator means, and releasing or replaying all of them, however many."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from tieline_cli.workspace_client import WorkspaceClient

Action = Literal["release", "replay"]

MOST_IN_ONE_CALL = 1_000
PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Deliveries that fit everything given; None does not restrict. `event_type` is a pattern, as in routes."""

    state: str | None = None
    event_type: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    route_id: str | None = None
    event_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def query(self) -> dict[str, str]:
        """Return the API's parameters."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {
            _camel(name): value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()
        }


def listed(workspace: WorkspaceClient, selected: Selected, *, most: int) -> list[dict[str, Any]]:
    """Return up to `most` deliveries, newest first."""
    found = workspace.pages("/deliveries", "deliveries", **selected.query, limit=min(most, PAGE))
    return list(islice(found, most))


def ids_of(workspace: WorkspaceClient, selected: Selected) -> list[str]:
    """Return the ids of all the deliveries that are selected now: a snapshot, so that none is replayed twice."""
    return [each["id"] for each in workspace.pages("/deliveries", "deliveries", **selected.query, limit=PAGE)]


def done_with(workspace: WorkspaceClient, action: Action, ids: Sequence[str]) -> list[str]:
    """Release or replay these deliveries; return those that were: one that is being sent is left alone."""
    done: list[str] = []
    for start in range(0, len(ids), MOST_IN_ONE_CALL):
        part = list(ids[start : start + MOST_IN_ONE_CALL])
        done += workspace.post(f"/deliveries/{action}", {"ids": part})["ids"]
    return done


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)
