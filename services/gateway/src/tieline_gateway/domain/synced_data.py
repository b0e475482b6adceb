"""The documents of what syncs brought in."""

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from tieline.contracts.sync_reads import DatasetVersionSummary, RecordChange, SyncedRecord

from tieline_gateway.domain.workspace_models import PaginatedResponse


class Versions(PaginatedResponse[DatasetVersionSummary]):
    """Dataset versions, newest first; `current` is the one that is read by default."""

    current: int | None


class Records(BaseModel):
    """Records of one version. A page of a filtered list may be short, even empty, and still go on."""

    items: list[SyncedRecord]
    version: int | None
    has_more: bool
    continuation_token: str | None
    total: int = Field(description="How many records the version has, filtered or not")


class Differences(BaseModel):
    """What differs between two versions."""

    items: list[RecordChange]
    from_version: int
    to_version: int
    has_more: bool
    continuation_token: str | None


class ScheduleRequest(BaseModel):
    """When to sync by itself: by `cron` in `time_zone`, or `every` so many seconds."""

    model_config = ConfigDict(extra="forbid")

    cron: str | None = Field(default=None, min_length=1, max_length=256)
    every: float | None = Field(default=None, gt=0, le=31_536_000, description="Seconds")
    time_zone: str = Field(default="UTC", min_length=1, max_length=64)
    jitter: float = Field(default=0, ge=0, le=86_400, description="Seconds; spreads starts that fall together")
    paused: StrictBool = False
    batch_size: int | None = Field(default=None, ge=1, le=1000)

    @model_validator(mode="after")
    def _one_of_both(self) -> "ScheduleRequest":
        if (self.cron is None) is (self.every is None):
            raise ValueError("give either cron or every")
        return self
