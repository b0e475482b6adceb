"""The catalogue of topics: every topic Tieline uses, declared once and applied by `tieline topics apply`.

Topics are never created by producing to them. Names are `<owner>.<aggregate>.<commands|events>.v1`; what shares a key
is ordered. Partition counts of existing topics are left alone, because more partitions would move keys.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from tieline.errors import KafkaUnavailableError
from tieline.kafka.connection import connection_arguments
from tieline.settings import KafkaSettings

REGISTRY_COMMANDS = "registry.integration.commands.v1"
GATEWAY_REPLIES = "gateway.replies.v1"
INTEGRATION_EVENTS = "registry.integration.events.v1"
ROUTE_EVENTS = "registry.route.events.v1"
SYNC_COMMANDS = "sync.run.commands.v1"
SYNC_EVENTS = "sync.run.events.v1"
EVENTS = "tieline.events.v1"
DELIVERY_EVENTS = "webhooks.delivery.events.v1"
AGENT_EVENTS = "webhooks.agent.events.v1"

APPLY_COMMANDS_GROUP = "registry.apply-commands"
RECORD_SYNCS_GROUP = "registry.record-syncs"
RUN_SYNCS_GROUP = "sync-worker.run-syncs"
ROUTE_EVENTS_GROUP = "webhook-router.route-events"

CONSUMER_GROUPS = (APPLY_COMMANDS_GROUP, RECORD_SYNCS_GROUP, RUN_SYNCS_GROUP, ROUTE_EVENTS_GROUP)
"""The groups that acknowledge what they handled, named after their service; each has a topic for what it could not."""

# A body may have 1 MiB, and becomes a record with headers around it, which is more than brokers take by default.
MAX_RECORD_BYTES = 2_097_152


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic: who writes and reads it, what is ordered in it, how long it is kept."""

    name: str
    key: str
    written_by: str
    read_by: str
    partitions: int = 12
    cleanup: Literal["delete", "compact"] = "delete"
    retention: timedelta = timedelta(days=7)

    def config(self, longest_retention: timedelta | None = None) -> dict[str, str]:
        """Return the broker's settings for this topic."""
        settings = {"cleanup.policy": self.cleanup, "max.message.bytes": str(MAX_RECORD_BYTES)}
        if self.cleanup == "delete":
            kept = self.retention if longest_retention is None else min(self.retention, longest_retention)
            settings["retention.ms"] = str(int(kept.total_seconds() * 1000))
        return settings


def _dead_letters(group: str) -> Topic:
    return Topic(
        name=dead_letter_topic(group),
        key="as the original",
        written_by=group,
        read_by="operators (`tieline dead-letters`)",
        partitions=1,
        retention=timedelta(days=30),
    )


def dead_letter_topic(group: str) -> str:
    """Return the topic that takes what `group` could not process."""
    return f"{group}.dead-letter"


CATALOGUE: tuple[Topic, ...] = (
    Topic(name=REGISTRY_COMMANDS, key="workspace id", written_by="gateway, sync-worker", read_by="registry"),
    Topic(
        name=GATEWAY_REPLIES,
        key="none; the partition is the asking gateway's",
        written_by="registry",
        read_by="the gateway that asked",
        partitions=16,
        retention=timedelta(hours=1),
    ),
    Topic(
        name=INTEGRATION_EVENTS,
        key="integration id",
        written_by="registry",
        read_by="all",
        partitions=4,
        cleanup="compact",
    ),
    Topic(
        name=ROUTE_EVENTS,
        key="route id",
        written_by="registry",
        read_by="webhook-router",
        partitions=4,
        cleanup="compact",
    ),
    Topic(name=SYNC_COMMANDS, key="integration id", written_by="gateway, scheduler", read_by="sync-worker"),
    Topic(
        name=SYNC_EVENTS,
        key="integration id",
        written_by="sync-worker",
        read_by="gateway (SSE), registry (last sync)",
        retention=timedelta(days=2),
    ),
    Topic(
        name=EVENTS,
        key="workspace id + subject",
        written_by="webhook-router, any service",
        read_by="webhook-router, agents, anyone",
        retention=timedelta(days=14),
    ),
    Topic(
        name=AGENT_EVENTS,
        key="agent id",
        written_by="webhook-router",
        read_by="agents",
        retention=timedelta(days=14),
    ),
    Topic(
        name=DELIVERY_EVENTS,
        key="destination",
        written_by="webhook-router",
        read_by="console, anyone",
    ),
    *(_dead_letters(group) for group in CONSUMER_GROUPS),
)


async def apply_topics(settings: KafkaSettings, *, longest_retention: timedelta | None = None) -> list[str]:
    """Create the topics that are missing and set retention and cleanup on all; return the names created.

    Safe to repeat. `longest_retention` caps how long records are kept (a small embedded broker). Raises
    KafkaUnavailableError.
    """
    admin = AIOKafkaAdminClient(
        **connection_arguments(settings), request_timeout_ms=int(settings.request_timeout.total_seconds() * 1000)
    )
    try:
        await admin.start()
        try:
            created = await _create_missing(admin, settings, longest_retention)
            await admin.alter_configs(
                [
                    ConfigResource(
                        ConfigResourceType.TOPIC, settings.topic_prefix + topic.name, topic.config(longest_retention)
                    )
                    for topic in CATALOGUE
                ]
            )
        finally:
            await admin.close()
    except KafkaError as error:
        raise KafkaUnavailableError(f"topics could not be applied: {error}") from error
    return created


async def _create_missing(
    admin: AIOKafkaAdminClient, settings: KafkaSettings, longest_retention: timedelta | None
) -> list[str]:
    present = set(await admin.list_topics())
    missing = [topic for topic in CATALOGUE if settings.topic_prefix + topic.name not in present]
    if not missing:
        return []
    answer: Any = await admin.create_topics(
        [
            NewTopic(
                settings.topic_prefix + topic.name,
                topic.partitions,
                settings.replication_factor,
                topic_configs=topic.config(longest_retention),
            )
            for topic in missing
        ]
    )
    for name, code, *_ in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(name)
    return [settings.topic_prefix + topic.name for topic in missing]
