"""Starting a sync: what is under way is attached to, what has just ended is not."""

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from tieline.contracts.sync import RunAttached, RunQueued, StartRun
from tieline_sync.domain.runs import Attachment, Outcome, Run
from tieline_sync.handlers.accept_runs import AcceptRuns
from tieline_sync.ports import Events, RunStore

_WORKSPACE = "11111111-2222-3333-4444-555555555555"
_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_RUNNING = Run(
    id="r1",
    workspace_id=_WORKSPACE,
    integration_id="i1",
    trigger="manual",
    requested_by="u1",
    requested_at=_NOW,
    batch_size=5,
    events_partition=0,
    events_from=0,
)
_ENDING = replace(_RUNNING, outcome=Outcome(state="completed", at=_NOW))


class _Runs:
    """A store in which `active` is what each look finds; the last one stays."""

    def __init__(self, *active: Run | None) -> None:
        self._active = deque(active)

    async def find(self, _run_id: str) -> None: ...

    async def find_attached(self, _run_id: str) -> None: ...

    async def find_active(self, _workspace_id: str, _integration_id: str) -> Run | None:
        return self._active.popleft() if len(self._active) > 1 else self._active[0]

    async def add(self, _run: Run) -> bool:
        return True

    async def attach(self, _run_id: str, _attachment: Attachment) -> bool:
        return True


class _Published:
    def __init__(self) -> None:
        self.events: list[Any] = []

    async def publish(self, event: Any) -> tuple[int, int]:
        self.events.append(event)
        return 0, 0


@pytest.mark.parametrize(
    ("active", "told"),
    [
        ([_RUNNING], RunAttached),
        ([None], RunQueued),
        ([_ENDING, _ENDING, None], RunQueued),
    ],
)
async def test_a_start_waits_for_a_run_that_has_told_its_end_and_attaches_to_no_other(
    active: list[Run | None], told: type
) -> None:
    published = _Published()
    accept = AcceptRuns(
        runs=cast("RunStore", _Runs(*active)),
        events=cast("Events", published),
        default_batch_size=5,
        on_queued=lambda: None,
    )

    await accept.start(
        StartRun(run_id="r2", workspace_id=_WORKSPACE, integration_id="i1", requested_by="u1", requested_at=_NOW)
    )

    assert [type(event) for event in published.events] == [told]
