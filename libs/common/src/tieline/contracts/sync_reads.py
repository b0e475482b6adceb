"""What the sync worker answers other services: runs, datasets, records, raw pages, schedules."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from tieline.contracts.base import Contract, JsonObject


class RunSummary(Contract):
    """A run as it is listed. No event of it precedes `events_from` in `events_partition` of the run events' topic."""

    id: str
    workspace_id: str
    integration_id: str
    state: Literal["queued", "running", "completed", "failed", "cancelled"]
    trigger: Literal["manual", "schedule"]
    requested_by: str
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_seconds: float | None = None
    batch_size: int
    batches_done: int = 0
    batches: int | None = None
    rows_fetched: int = 0
    added: int = 0
    updated: int = 0
    removed: int = 0
    total: int | None = None
    attempts: int = 0
    error: str | None = Field(default=None, description="Why it failed, or what it is waiting to try again.")
    dataset_version: int | None = None
    cancelled_by: str | None = None
    attached_run_ids: list[str] = Field(default_factory=list)
    events_partition: int
    events_from: int


class RunList(Contract):
    """One page of runs, newest first."""

    items: list[RunSummary]
    total: int
    next_offset: int | None = None


class DatasetVersionSummary(Contract):
    """The state of all records after one run."""

    version: int
    is_current: bool
    parent: int | None
    run_id: str
    created_at: datetime
    records: int
    added: int
    updated: int
    removed: int


class DatasetVersionList(Contract):
    """One page of an integration's versions, newest first; `current` is the one that is read by default."""

    items: list[DatasetVersionSummary]
    current: int | None
    total: int
    next_offset: int | None = None


class SyncedRecord(Contract):
    """One record as of a version."""

    id: str
    label: str
    data: JsonObject


class RecordPage(Contract):
    """One page of records in the order in which they first arrived.

    `next` continues the list; a page with a filter may hold less than asked for, even nothing, and still have a `next`:
    every call looks at a bounded number of records.
    """

    version: int | None
    records: int = Field(description="How many records the version has, filtered or not.")
    items: list[SyncedRecord]
    next: str | None = None


class RecordChange(Contract):
    """How one record differs between two versions; `fields` names the top-level fields that differ."""

    id: str
    label: str
    change: Literal["added", "changed", "removed"]
    fields: list[str] = Field(default_factory=list)


class DiffPage(Contract):
    """One page of differences; `next` as in RecordPage."""

    from_version: int
    to_version: int
    items: list[RecordChange]
    next: str | None = None


class RawPageSummary(Contract):
    """One page as a provider answered it."""

    number: int
    bytes: int
    rows: int
    picked: int = Field(description="Rows that were new or changed.")
    fetched_at: datetime
    expires_at: datetime


class RawPageList(Contract):
    """The stored pages of a run."""

    items: list[RawPageSummary]
    total: int
    next_offset: int | None = None


class Schedule(Contract):
    """When an integration is synced by itself: by `cron` in `time_zone`, or `every` so often."""

    integration_id: str
    cron: str | None = None
    every: timedelta | None = None
    time_zone: str = "UTC"
    jitter: timedelta = timedelta()
    paused: bool = False
    next_at: datetime | None = None
    last_at: datetime | None = None
    batch_size: int | None = None
