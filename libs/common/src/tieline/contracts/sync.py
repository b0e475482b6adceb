"""Sync runs. Topics `sync.run.commands.v1` and `sync.run.events.v1`, key the integration's id."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from tieline.contracts.base import Contract, WorkspaceId


class StartRun(Contract):
    """Start a sync of an integration, or attach to the run under way."""

    type: Literal["sync.start"] = "sync.start"
    run_id: str
    workspace_id: WorkspaceId
    integration_id: str
    requested_by: str
    requested_at: datetime
    batch_size: int | None = Field(default=None, ge=1, le=1000)
    trigger: Literal["manual", "schedule"] = "manual"


class CancelRun(Contract):
    """Stop a run after the batch in hand; it makes no dataset version, so nothing it saved becomes visible."""

    type: Literal["sync.cancel"] = "sync.cancel"
    run_id: str
    workspace_id: WorkspaceId
    integration_id: str
    requested_by: str
    requested_at: datetime


sync_command_adapter: TypeAdapter[Any] = TypeAdapter(Annotated[StartRun | CancelRun, Field(discriminator="type")])


class RunEvent(Contract):
    """What every event of a run carries.

    `sequence` is 0 for what happens before the run starts, then counts from 1 without gaps. A run that is resumed after
    a crash may repeat its last event: the same bytes under the same id.
    """

    run_id: str
    workspace_id: str
    integration_id: str
    sequence: int
    at: datetime


class RunQueued(RunEvent):
    """The run is accepted and will start; all its other events come after this one in the same partition."""

    type: Literal["sync.queued"] = "sync.queued"


class RunAttached(RunEvent):
    """The integration is being synced already, so the run that was asked for (`run_id`) is the one under way."""

    type: Literal["sync.attached"] = "sync.attached"
    attached_to: str
    from_offset: int = Field(description="The offset in this partition that no event of `attached_to` precedes.")


class RunProgress(RunEvent):
    """Surface D's `progress`: batch 0 with no total is the fetch, batch 0 with a total the start of the ingest."""

    type: Literal["sync.progress"] = "sync.progress"
    batch: int
    total_batches: int
    total: int | None = None
    record_ids: list[str] | None = None
    message: str


class RunCompleted(RunEvent):
    """The run succeeded. `added` counts records not seen before, `total` the records of this run."""

    type: Literal["sync.completed"] = "sync.completed"
    added: int
    updated: int = 0
    total: int
    last_synced: datetime
    dataset_version: int | None = None


class RunFailed(RunEvent):
    """The run gave up; `message` says what went wrong and what to do."""

    type: Literal["sync.failed"] = "sync.failed"
    message: str
    cancelled: bool = False


sync_event_adapter: TypeAdapter[Any] = TypeAdapter(
    Annotated[RunQueued | RunAttached | RunProgress | RunCompleted | RunFailed, Field(discriminator="type")]
)
