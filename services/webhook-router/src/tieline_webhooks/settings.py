"""What the webhook router can be told."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from tieline.settings import Block, HttpSettings, MongoSettings, OutgoingSettings, ServiceSettings, key_ring_problems

SEND_MARGIN = timedelta(seconds=2)


class WebhooksBlock(Block):
    """Taking webhooks in, keeping them while Kafka is away, and delivering their events."""

    roles: frozenset[Literal["intake", "delivery"]] = Field(
        default=frozenset({"intake", "delivery"}),
        min_length=1,
        description='What this replica does, as a JSON list. `["intake"]` leaves the processor to taking webhooks in; '
        "then other replicas have to do the delivery.",
    )
    max_in_flight: int = Field(
        default=2_000, ge=1, description="Webhooks that may wait for Kafka at once; beyond it 503 with Retry-After."
    )
    spool_dir: Path = Field(
        default=Path("data/spool"),
        description="Where accepted webhooks are kept while Kafka is away. A disk that survives the process.",
    )
    spool_max_bytes: int = Field(
        default=268_435_456, ge=1_048_576, description="Room for the spool; when it is full the answer is 503."
    )
    spool_after: timedelta = Field(
        default=timedelta(milliseconds=500),
        description="A webhook that Kafka has not acknowledged by then is spooled. Sentry gives up after 1 s.",
    )
    quarantine_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key ring, `id:base64url` of 32 bytes, that seals refused webhooks. Unset: made once and kept "
        "beside the spool; set it where there are several replicas.",
    )
    quarantine_max_entries: int = Field(
        default=500, ge=1, description="Refused webhooks kept per workspace; the oldest go first."
    )
    quarantine_retention: timedelta = Field(
        default=timedelta(days=14), description="How long refused webhooks are kept."
    )
    event_retention: timedelta = Field(
        default=timedelta(days=14),
        ge=timedelta(hours=72),
        description="How long events are kept: to know repeated ones by, and to try new routes on.",
    )
    delivery_retention: timedelta = Field(
        default=timedelta(days=30),
        ge=timedelta(days=3),
        description="How long finished deliveries are kept, and how long parked ones wait before they are given up.",
    )
    lease: timedelta = Field(
        default=timedelta(seconds=20),
        ge=timedelta(seconds=2),
        description="How long a destination stays with a replica that has died.",
    )
    max_sends: int = Field(
        default=512,
        ge=1,
        description="Messages being sent at once, over all destinations; a quarter of them on one workspace's channel.",
    )


class WebhookSettings(ServiceSettings):
    """All settings of the webhook router."""

    http: HttpSettings = HttpSettings(port=8401)
    mongo: MongoSettings = MongoSettings()
    outgoing: OutgoingSettings = OutgoingSettings()
    webhooks: WebhooksBlock = WebhooksBlock()

    def problems(self) -> list[str]:
        """Return what the router misses, and what makes no sense together."""
        found = self.internal_problems()
        if self.webhooks.quarantine_key.get_secret_value():
            found += key_ring_problems(self.webhooks.quarantine_key, setting="TIELINE_WEBHOOKS__QUARANTINE_KEY")
        if self.webhooks.lease < self.longest_send * 1.5:
            found.append("TIELINE_WEBHOOKS__LEASE: at least 1.5 times TIELINE_OUTGOING__TIMEOUT and 2 s")
        return found

    @property
    def longest_send(self) -> timedelta:
        """How long sending one message may take."""
        return self.outgoing.timeout + SEND_MARGIN
