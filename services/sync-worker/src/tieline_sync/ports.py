"""What the handlers need from outside: run store, raw pages, records, datasets, providers, events."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tieline.contracts.base import JsonObject
from tieline.contracts.sync import StartRun

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.datasets import Dataset, DatasetVersion
from tieline_sync.domain.records import Pick, Record
from tieline_sync.domain.revisions import Head, Revising
from tieline_sync.domain.run_events import RunAnyEvent
from tieline_sync.domain.runs import Attachment, Run, Wording
from tieline_sync.domain.schedules import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """One page of a provider's answer.

    `fresh` are the rows not met on earlier pages of this run, by their position in `records(body)`. `next` is where to
    go on, None after the last page. `resume` is where the next run starts if this page is the last.
    """

    body: bytes = field(repr=False)
    rows: int
    fresh: Sequence[tuple[int, Record]] = field(repr=False)
    next: JsonObject | None
    resume: JsonObject


class Source(Protocol):
    """One integration's records at its provider. Bounded in time; pages bounded in size."""

    @property
    def wording(self) -> Wording:
        """How messages call the provider and its records."""
        ...

    @property
    def is_whole(self) -> bool:
        """Say whether a run lists everything there is, so that what is missing was removed."""
        ...

    def first(self, resume: JsonObject | None) -> JsonObject:
        """Return the cursor of a run's first page, given what the last version's run left; None for all there is."""
        ...

    async def fetch(self, cursor: JsonObject) -> FetchedPage:
        """Return the page at `cursor`.

        Raises ProviderUnavailableError, ProviderRateLimitedError, ProviderRefusedError.
        """
        ...

    def records(self, body: bytes) -> Sequence[Record]:
        """Return the records of a stored page, the same ones in the same order every time."""
        ...


class Connector(Protocol):
    """What turns an integration's configuration into a source."""

    @property
    def providers(self) -> tuple[str, ...]:
        """The values of an integration's `provider` that it serves, in lower case."""
        ...

    def open(self, facts: Facts, *, page_size: int) -> Source:
        """Return the source. `page_size` is how many records to ask for at once. Raises MissingConfigurationError."""
        ...


class Integrations(Protocol):
    """Integrations with their secrets open."""

    async def find(self, workspace_id: str, integration_id: str) -> Facts | None:
        """Return the integration's facts, or None. Keep them in memory only. Raises RegistryUnavailableError."""
        ...


class Events(Protocol):
    """The topic of run events."""

    async def publish(self, event: RunAnyEvent) -> tuple[int, int]:
        """Append an event and return its partition and offset once acknowledged. Raises KafkaUnavailableError."""
        ...


class RunStore(Protocol):
    """Runs. Every method raises DatabaseUnavailableError when the database does not answer."""

    async def find(self, run_id: str) -> Run | None:
        """Return a run, or None."""
        ...

    async def find_attached(self, run_id: str) -> Run | None:
        """Return the run that a start with this id was attached to, or None."""
        ...

    async def find_active(self, workspace_id: str, integration_id: str) -> Run | None:
        """Return the integration's run that is not done yet, or None."""
        ...

    async def history(self, workspace_id: str, integration_id: str, *, limit: int, offset: int) -> Sequence[Run]:
        """Return the integration's runs, newest first."""
        ...

    async def count(self, workspace_id: str, integration_id: str) -> int:
        """Return how many runs of the integration are kept."""
        ...

    async def add(self, run: Run) -> bool:
        """Store a queued run; False when the integration has an active one or the id is taken."""
        ...

    async def attach(self, run_id: str, attachment: Attachment) -> bool:
        """Note a second start on an active run; False when it is done. Noting the same one again changes nothing."""
        ...

    async def request_cancel(
        self, workspace_id: str, integration_id: str, run_id: str, *, by: str, at: datetime
    ) -> bool:
        """Ask an active run (or the one that `run_id` was attached to) to stop; False when there is none.

        A run that nobody works on is due at once.
        """
        ...

    async def lease(self, owner: str, *, now: datetime, ttl: timedelta) -> Run | None:
        """Take the run that waits longest and is due, if any. Concurrent callers never get the same."""
        ...

    async def renew(self, run: Run, *, until: datetime) -> str | None:
        """Prolong the lease; return who asked to cancel, if anybody. Raises LeaseLostError."""
        ...

    async def save(self, run: Run, *, progressed: bool = False) -> str | None:
        """Store the run's progress under its lease; return who asked to cancel, if anybody. Raises LeaseLostError.

        `progressed` resets the count of attempts that got nowhere.
        """
        ...

    async def release(self, run: Run, *, next_attempt_at: datetime, error: str | None, counts: bool) -> None:
        """Give the lease back; the run is due again at `next_attempt_at`. Raises LeaseLostError.

        `counts` False takes the attempt back: it was not the provider's or the run's fault.
        """
        ...

    async def finish(self, run: Run, *, expires_at: datetime) -> None:
        """Store that the run's last event is published: it is no longer active. Raises LeaseLostError."""
        ...


class ScheduleStore(Protocol):
    """Schedules by integration, and by when they are due."""

    async def get(self, workspace_id: str, integration_id: str) -> Schedule | None:
        """Return an integration's schedule, or None."""
        ...

    async def put(self, schedule: Schedule) -> None:
        """Store a schedule, in the place of the integration's earlier one."""
        ...

    async def delete(self, workspace_id: str, integration_id: str) -> Schedule | None:
        """Delete a schedule and return it, or None."""
        ...

    async def claim_due(self, now: datetime, *, until: datetime) -> Schedule | None:
        """Return the schedule that is due longest, if any; nobody else gets it before `until`."""
        ...

    async def advance(self, claimed: Schedule, following: Schedule) -> None:
        """Store the planned time after the claimed one, unless the schedule was changed meanwhile."""
        ...


class RunCommands(Protocol):
    """The topic of run commands."""

    async def send(self, command: StartRun) -> None:
        """Append a command. Raises KafkaUnavailableError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A page as fetched, and which of its rows are to be saved."""

    run_id: str
    number: int
    body: bytes = field(repr=False)
    picks: Sequence[Pick] = field(repr=False)
    picked_before: int
    new_before: int
    rows: int
    fetched_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """A stored page without its body."""

    number: int
    bytes: int
    rows: int
    picked: int
    fetched_at: datetime
    expires_at: datetime


class RawPages(Protocol):
    """Pages as fetched, compressed, kept for a while."""

    async def put(self, run: Run, page: StoredPage) -> None:
        """Store a page under the run's lease; storing the same number again replaces it. Raises LeaseLostError."""
        ...

    async def get(self, run_id: str, number: int) -> StoredPage | None:
        """Return a page, or None."""
        ...

    async def listed(self, run_id: str, *, first: int, most: int) -> Sequence[ListedPage]:
        """Return up to `most` pages in order, from number `first` on."""
        ...

    async def number_holding(self, run_id: str, pick: int) -> int:
        """Return the number of the page that holds the run's pick at this position (from 0)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedRecord:
    """A record of a batch. `place` is the one it gets if it is new to its dataset."""

    record: Record
    place: int
    is_known: bool


class RecordStore(Protocol):
    """Records with their revisions."""

    async def heads(self, dataset_id: str, ids: Sequence[str]) -> Mapping[str, Head]:
        """Return what is stored of these records, by id, without contents."""
        ...

    async def save_batch(
        self, dataset_id: str, run: Revising, *, batch: int, records: Sequence[NumberedRecord]
    ) -> tuple[int, int]:
        """Save a batch and return how many records it added and updated. Repeating it changes and returns the same."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record with the content of its newest revision."""

    head: Head
    label: str
    data: JsonObject = field(repr=False)

    @property
    def place(self) -> int:
        """Return its position in its dataset."""
        return self.head.place


class RecordReader(Protocol):
    """Records as they are stored."""

    async def window(self, dataset_id: str, after: int, to: int) -> list[StoredRecord]:
        """Return the records whose place is past `after` and at most `to`, by place."""
        ...

    async def archived(
        self, dataset_id: str, revisions: Sequence[tuple[str, int]]
    ) -> Mapping[tuple[str, int], tuple[str, JsonObject]]:
        """Return label and content of earlier revisions, by record id and generation."""
        ...


class DatasetStore(Protocol):
    """Datasets and their versions."""

    async def get(self, workspace_id: str, integration_id: str) -> Dataset:
        """Return the dataset of an integration; an empty one when nothing was saved yet."""
        ...

    async def version(self, dataset_id: str, version: int) -> DatasetVersion | None:
        """Return one version, or None."""
        ...

    async def allocate(self, dataset: Dataset, *, run_id: str, places: int) -> tuple[int, int]:
        """Return a generation for a run and the place before its first; repeated for the same run, the same."""
        ...

    async def publish(self, dataset: Dataset, version: DatasetVersion) -> DatasetVersion:
        """Make a version and point the dataset at it; repeated for the same run, return the one made."""
        ...

    async def point_at(self, dataset: Dataset, version: int) -> bool:
        """Make `version` the present one; False when the dataset has moved since it was read."""
        ...

    async def prune(self, dataset_id: str, *, keep: int) -> None:
        """Forget all versions but the newest `keep` and the present one."""
        ...

    async def note_read_up_to(self, dataset: Dataset, *, resume: JsonObject) -> None:
        """Store how far the provider was read by a run that found nothing new."""
        ...

    def versions(self, dataset_id: str) -> AsyncIterator[DatasetVersion]:
        """Yield the versions, newest first."""
        ...
