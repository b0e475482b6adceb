"""The gateway's settings."""

from datetime import timedelta

from pydantic import Field, SecretStr
from tieline.settings import Block, HttpSettings, OutgoingSettings, ServiceSettings, key_ring_problems


class SealingSettings(Block):
    """Keys of the gateway, which faces the internet: it can seal secrets, not open them."""

    sealing_public_key: SecretStr = Field(
        default=SecretStr(""), description="`kid:base64url` of the registry's X25519 public key."
    )


class LimitSettings(Block):
    """What one caller may ask for."""

    requests_per_second: float = Field(default=200.0, gt=0, description="Sustained requests per API key and replica.")
    burst: int = Field(default=400, ge=1, description="Requests per API key that may come at once.")


class GatewayOptions(Block):
    """How the gateway behaves."""

    instance: str = Field(
        default="", description="Name of this replica; chooses its reply partition. Random when not set."
    )
    reply_timeout: timedelta = Field(
        default=timedelta(seconds=10), description="How long a write waits for the registry before it answers 504."
    )
    dangerous_trust_org_header: bool = Field(
        default=False,
        description="Believe `x-org-id` without a key. Only behind a proxy that authenticates callers and sets it.",
    )


class GatewaySettings(ServiceSettings):
    """All settings of the gateway."""

    http: HttpSettings = HttpSettings(port=8400)
    secrets: SealingSettings = SealingSettings()
    limits: LimitSettings = LimitSettings()
    gateway: GatewayOptions = GatewayOptions()
    outgoing: OutgoingSettings = OutgoingSettings()

    def problems(self) -> list[str]:
        """Return what the gateway misses."""
        sealing = self.secrets.sealing_public_key
        return [
            *self.internal_problems(),
            *key_ring_problems(sealing, setting="TIELINE_SECRETS__SEALING_PUBLIC_KEY"),
        ]
