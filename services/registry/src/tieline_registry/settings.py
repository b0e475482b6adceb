"""The registry's settings."""

from datetime import timedelta

from pydantic import Field, SecretStr
from tieline.settings import Block, HttpSettings, MongoSettings, ServiceSettings, key_ring_problems


class SecretsSettings(Block):
    """Keys only the registry has. `tieline keys generate` makes them."""

    master_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Key ring `kid:base64url,…` that wraps the workspaces' data keys; the first wraps what is new. "
        "To rotate: add the new key last, on every replica; then move it first; then `tieline keys rotate`; then drop "
        "the old one.",
    )
    sealing_private_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Key ring of X25519 private keys; keep an old one until no command sealed to it can come again.",
    )


class RegistryOptions(Block):
    """What a workspace may hold, and how long things are remembered."""

    most_integrations: int = Field(default=200_000, ge=1, description="Integrations per workspace.")
    most_routes: int = Field(default=200_000, ge=1, description="Channel routes per workspace.")
    most_api_keys: int = Field(default=1_000, ge=1, description="API keys per workspace, revoked ones too.")
    commands_kept: timedelta = Field(
        default=timedelta(days=7),
        ge=timedelta(hours=1),
        description="How long a command's reply is remembered for its idempotency key; at least as long as its topic "
        "keeps it.",
    )
    audit_kept: timedelta = Field(
        default=timedelta(days=400), ge=timedelta(days=1), description="How long the audit log is kept."
    )
    max_batch: int = Field(default=500, ge=1, le=5_000, description="Commands taken from Kafka at once.")
    most_listed_in_memory: int = Field(
        default=500_000, ge=1_000, description="Integrations whose names are held in memory for lists and searches."
    )


class RegistrySettings(ServiceSettings):
    """All settings of the registry."""

    http: HttpSettings = HttpSettings(port=8402)
    mongo: MongoSettings = MongoSettings()
    secrets: SecretsSettings = SecretsSettings()
    registry: RegistryOptions = RegistryOptions()

    def problems(self) -> list[str]:
        """Return what the registry misses."""
        return [
            *self.internal_problems(),
            *key_ring_problems(self.secrets.master_keys, setting="TIELINE_SECRETS__MASTER_KEYS"),
            *key_ring_problems(self.secrets.sealing_private_keys, setting="TIELINE_SECRETS__SEALING_PRIVATE_KEYS"),
        ]
