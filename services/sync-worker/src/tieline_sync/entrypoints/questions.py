"""What the other services ask over the internal HTTP interface (`tieline.sync_client` sends it)."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from tieline.contracts.base import WorkspaceId

from tieline_sync.domain.schedules import Schedule
from tieline_sync.handlers.read_records import DiffQuery, RecordQuery

Text = Annotated[str, StringConstraints(max_length=256)]
Limit = Annotated[int, Field(ge=1, le=1000)]
Offset = Annotated[int, Field(ge=0)]
After = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,15}$")]


class Question(BaseModel):
    """Whose integration it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace_id: WorkspaceId
    integration_id: Text


class FindRun(Question):
    """One run, or the latest."""

    run_id: Text | None = None


class Listing(Question):
    """A page of something."""

    limit: Limit = 50
    offset: Offset = 0


class ListRawPages(Listing):
    """A page of a run's raw pages."""

    run_id: Text


class GetRawPage(Question):
    """One raw page."""

    run_id: Text
    number: Offset


class ListRecords(Question):
    """A page of records."""

    version: int | None = Field(default=None, ge=1)
    limit: Limit = 50
    after: After = ""
    search: Text | None = None
    where: dict[Text, Text] = Field(default_factory=dict, max_length=20)

    def query(self) -> RecordQuery:
        """Return what is asked for."""
        return RecordQuery(
            version=self.version,
            limit=self.limit,
            after=int(self.after or 0),
            search=self.search,
            where=self.where,
        )


class Diff(Question):
    """A page of differences."""

    from_version: int = Field(ge=1)
    to_version: int = Field(ge=1)
    limit: Limit = 50
    after: After = ""

    def query(self) -> DiffQuery:
        """Return what is asked for."""
        return DiffQuery(
            from_version=self.from_version, to_version=self.to_version, limit=self.limit, after=int(self.after or 0)
        )


class RollBack(Question):
    """Make a version the present one."""

    version: int = Field(ge=1)
    by: Text


class SaveSchedule(Question):
    """Set a schedule; `every` and `jitter` are seconds."""

    cron: Text | None = None
    every: timedelta | None = None
    time_zone: Text = "UTC"
    jitter: timedelta = timedelta()
    paused: bool = False
    batch_size: int | None = Field(default=None, ge=1, le=1000)

    def schedule(self, now: datetime) -> Schedule:
        """Return what is to be saved."""
        return Schedule(
            workspace_id=self.workspace_id,
            integration_id=self.integration_id,
            saved_at=now,
            cron=self.cron,
            every=self.every,
            time_zone=self.time_zone,
            jitter=self.jitter,
            paused=self.paused,
            batch_size=self.batch_size,
        )
