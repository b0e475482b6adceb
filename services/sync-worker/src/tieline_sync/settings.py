"""Settings of the sync worker."""

from datetime import timedelta

from pydantic import Field
from tieline.settings import Block, HttpSettings, MongoSettings, OutgoingSettings, ServiceSettings


class RunSettings(Block):
    """How runs are worked on."""

    batch_size: int = Field(
        default=5, ge=1, le=1000, description="Records per batch and progress event, unless the caller asks otherwise."
    )
    page_size: int = Field(
        default=1000, ge=1, le=10_000, description="Records asked of a provider at once, if it lets us."
    )
    concurrent_runs: int = Field(default=4, ge=1, description="Runs that one worker works on at the same time.")
    lease: timedelta = Field(
        default=timedelta(seconds=20),
        description="How long a run stays with a worker that is not heard of; renewed every quarter of it.",
    )
    poll: timedelta = Field(default=timedelta(seconds=1), description="How often an idle worker looks for runs.")
    most_idle_attempts: int = Field(
        default=5, ge=1, description="Attempts without any progress after which a run fails."
    )
    longest_rate_limit: timedelta = Field(
        default=timedelta(hours=1), description="Longest wait without progress that a provider may ask of a run."
    )
    keep_raw_pages: timedelta = Field(default=timedelta(days=7), description="How long fetched pages are kept.")
    keep_runs: timedelta = Field(default=timedelta(days=90), description="How long the history of runs is kept.")
    keep_versions: int = Field(default=30, ge=1, description="Dataset versions kept per integration, the newest ones.")


class SyncSettings(ServiceSettings):
    """Everything the sync worker is told."""

    http: HttpSettings = HttpSettings(port=8403)
    mongo: MongoSettings = MongoSettings()
    outgoing: OutgoingSettings = OutgoingSettings()
    sync: RunSettings = RunSettings()
