"""A sync run, from the command that asks for it to its last event.

    queued ──▶ fetching ──▶ ingesting ──▶ concluded ──▶ (its last event published) done
                   └────────────┴───────────▲

Everything that a run publishes is derived from what is stored of it here, so that whoever resumes it after a crash
publishes the same again: same sequence, same id, same bytes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from tieline.contracts.base import JsonObject

from tieline_sync.domain.records import batch_count

State = Literal["queued", "running", "completed", "failed", "cancelled"]
Trigger = Literal["manual", "schedule"]

FETCHING_SEQUENCE = 1
INGEST_SEQUENCE = 2
FIRST_BACKOFF = timedelta(seconds=1)
LONGEST_BACKOFF = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How messages call the provider and its records: `ServiceNow`, `incidents`."""

    service: str
    records: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How far the fetch got: pages stored, rows seen, records picked for saving, and where to go on at the provider."""

    pages: int = 0
    rows: int = 0
    picked: int = 0
    new: int = 0
    cursor: JsonObject | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the ingest works with: its generation, and the place before the first new record's."""

    generation: int
    first_place: int
    total: int
    batches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The checkpoint: batches whose records are saved, and how many of those were added and updated."""

    batch: int = 0
    added: int = 0
    updated: int = 0
    removed: int = 0
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the run ended. `message` says what went wrong and what to do; None on success."""

    state: Literal["completed", "failed", "cancelled"]
    at: datetime
    message: str | None = None
    added: int = 0
    updated: int = 0
    removed: int = 0
    total: int = 0
    dataset_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who works on the run, until when. `token` grows with every lease: a write with an older one is refused."""

    owner: str
    token: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A start that came while this run was under way."""

    run_id: str
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a sync. Instants are in UTC, to the millisecond.

    No event of the run precedes `events_from` in its partition of the topic. `traceparent` ties the work on it to the
    trace of the command that asked for it.
    """

    id: str
    workspace_id: str
    integration_id: str
    trigger: Trigger
    requested_by: str
    requested_at: datetime
    batch_size: int
    events_partition: int
    events_from: int
    traceparent: str | None = None
    state: State = "queued"
    attached: tuple[Attachment, ...] = ()
    cancelled_by: str | None = None
    lease: Lease | None = None
    attempts: int = 0
    idle_attempts: int = 0
    last_error: str | None = None
    started_at: datetime | None = None
    progressed_at: datetime | None = None
    wording: Wording | None = None
    parent_version: int | None = None
    fetched: Fetched = field(default_factory=Fetched)
    plan: Plan | None = None
    ingested: Ingested | None = None
    outcome: Outcome | None = None

    @property
    def is_over(self) -> bool:
        """Say whether the outcome is decided."""
        return self.outcome is not None

    @property
    def last_sequence(self) -> int:
        """Return the sequence of the last event that the stored state gives rise to, without the outcome's."""
        if self.started_at is None:
            return 0
        if self.plan is None:
            return FETCHING_SEQUENCE
        return INGEST_SEQUENCE + (self.ingested.batch if self.ingested else 0)

    def planned(self, *, generation: int, first_place: int) -> "Run":
        """Return the run with its ingest laid out."""
        picked = self.fetched.picked
        plan = Plan(
            generation=generation,
            first_place=first_place,
            total=picked,
            batches=batch_count(picked, self.batch_size),
        )
        return replace(self, plan=plan)

    def backoff(self) -> timedelta:
        """Return the wait before the next attempt: 1 s, doubled with every attempt that got nowhere, at most 60 s."""
        doublings = min(max(self.idle_attempts - 1, 0), 16)
        return min(FIRST_BACKOFF * (1 << doublings), LONGEST_BACKOFF)
