"""Settings of the sync worker."""

from datetime import timedelta

from pydantic import Field, SecretStr
from tieline.settings import Block, HttpSettings, MongoSettings, OutgoingSettings, ServiceSettings, key_ring_problems


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
    schedule_poll: timedelta = Field(
        default=timedelta(seconds=5), description="How often schedules that are due are looked for."
    )
    most_idle_attempts: int = Field(
        default=5, ge=1, description="Attempts without any progress after which a run fails."
    )
    longest_rate_limit: timedelta = Field(
        default=timedelta(hours=1), description="Longest wait without progress that a provider may ask of a run."
    )
    keep_raw_pages: timedelta = Field(default=timedelta(days=7), description="How long fetched pages are kept.")
    keep_runs: timedelta = Field(default=timedelta(days=90), description="How long the history of runs is kept.")
    keep_versions: int = Field(default=30, ge=1, description="Dataset versions kept per integration, the newest ones.")


class SealingSettings(Block):
    """The registry's public key, to which new refresh tokens are sealed on their way back to it."""

    sealing_public_key: SecretStr = Field(
        default=SecretStr(""),
        description="`kid:base64url` of the registry's X25519 public key. Without it, new refresh tokens stay here.",
    )


class OAuthAppSettings(Block):
    """One OAuth app of this installation at a vendor."""

    client_id: str = Field(description="The app's id.")
    client_secret: SecretStr = Field(description="The app's secret.")
    token_url: str = Field(default="", description="Where tokens are given; the vendor's own address when not set.")
    redirect_uri: str | None = Field(default=None, description="Repeated when an authorization code is exchanged.")


class ProviderSettings(Block):
    """How providers are called for others."""

    keep_answers: timedelta = Field(
        default=timedelta(seconds=5), description="How long a provider's answer is given to others who ask the same."
    )
    oauth_apps: dict[str, OAuthAppSettings] = Field(
        default={},
        description="OAuth apps by provider, as JSON, for integrations that have none of their own: "
        '`{"linear": {"client_id": "…", "client_secret": "…"}}`.',
    )


class SyncSettings(ServiceSettings):
    """Everything the sync worker is told."""

    http: HttpSettings = HttpSettings(port=8403)
    mongo: MongoSettings = MongoSettings()
    outgoing: OutgoingSettings = OutgoingSettings()
    sync: RunSettings = RunSettings()
    providers: ProviderSettings = ProviderSettings()
    secrets: SealingSettings = SealingSettings()

    def problems(self) -> list[str]:
        """Return what the worker misses."""
        found = self.internal_problems()
        sealing = self.secrets.sealing_public_key
        if sealing.get_secret_value():
            found += key_ring_problems(sealing, setting="TIELINE_SECRETS__SEALING_PUBLIC_KEY")
        return found
