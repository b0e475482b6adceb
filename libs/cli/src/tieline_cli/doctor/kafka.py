"""Kafka: reachable, the topics as the catalogue declares them, the consumer groups at work."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from tieline.kafka.connection import connection_arguments
from tieline.settings import KafkaSettings
from tieline.topics import CATALOGUE, CONSUMER_GROUPS, Topic

from tieline_cli.doctor.findings import Finding, bad, doubtful, good, skipped

_APPLY = "Run `tieline topics apply`."


async def examine(settings: KafkaSettings) -> list[Finding]:
    """Look at the cluster."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is told as a finding
    admin = AIOKafkaAdminClient(
        **connection_arguments(settings), request_timeout_ms=int(settings.request_timeout.total_seconds() * 1000)
    )
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        brokers = len(cluster["brokers"])
        reached = good("Kafka", f"{brokers} broker{'s' * (brokers != 1)} at {settings.bootstrap_servers}")
        return [reached, *await _topics(admin, settings, brokers), *await _groups(admin, settings)]
    except (KafkaError, OSError) as error:
        remedy = "Check TIELINE_KAFKA__BOOTSTRAP_SERVERS, the security settings, and the way there (docs/runbooks)."
        said = str(error) or type(error).__name__
        return [bad("Kafka", f"no broker answers at {settings.bootstrap_servers}: {said}", remedy)]
    finally:
        await admin.close()


async def _topics(admin: AIOKafkaAdminClient, settings: KafkaSettings, brokers: int) -> list[Finding]:
    names = {settings.topic_prefix + topic.name: topic for topic in CATALOGUE}
    there = set(await admin.list_topics()) & names.keys()
    if missing := sorted(names.keys() - there):
        return [bad("topics", f"{len(missing)} of {len(names)} are missing: {', '.join(missing)}", _APPLY)]
    described = {each["topic"]: each for each in await admin.describe_topics(sorted(there))}
    configured = await _configured(admin, sorted(there))
    wrong = [
        finding
        for name, topic in names.items()
        for finding in _of_topic(name, topic, described[name], configured.get(name, {}), brokers)
    ]
    return wrong or [good("topics", f"all {len(names)} are there, with the retention and clean-up they need")]


async def _configured(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    answers: Any = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }


def _of_topic(
    name: str, topic: Topic, described: Mapping[str, Any], configured: Mapping[str, str], brokers: int
) -> Iterator[Finding]:
    partitions = described["partitions"]
    if len(partitions) < topic.partitions:
        yield doubtful(
            f"topic {name}",
            f"{len(partitions)} partitions instead of {topic.partitions}",
            "More partitions would move keys, so it is left alone; make it anew before the first use.",
        )
    leaderless = [each["partition"] for each in partitions if each["leader"] < 0]
    if leaderless:
        yield bad(f"topic {name}", f"partitions {leaderless} have no leader", "Bring its brokers back.")
    behind = [each["partition"] for each in partitions if len(each["isr"]) < len(each["replicas"])]
    if behind:
        yield doubtful(f"topic {name}", f"partitions {behind} have replicas out of sync", "Look at the brokers.")
    if brokers > 1 and any(len(each["replicas"]) == 1 for each in partitions):
        yield doubtful(
            f"topic {name}",
            f"one replica only, on a cluster of {brokers} brokers",
            "Set TIELINE_KAFKA__REPLICATION_FACTOR before topics are made; reassign this one's replicas.",
        )
    policy = configured.get("cleanup.policy")
    if policy is not None and policy != topic.cleanup:
        yield bad(f"topic {name}", f"its clean-up is {policy}, not {topic.cleanup}: records would be lost", _APPLY)


async def _groups(admin: AIOKafkaAdminClient, settings: KafkaSettings) -> list[Finding]:
    untold: list[str] = []
    idle: dict[str, str] = {}
    for name in CONSUMER_GROUPS:
        group = settings.topic_prefix + name
        try:
            answers: Any = await admin.describe_consumer_groups([group])
        except (KafkaError, IndexError):
            untold.append(group)
            continue
        if not any(described[5] for answer in answers for described in answer.groups):
            idle[group] = name.partition(".")[0]  # a group's name begins with that of its service
    found = [
        bad("consumer groups", f"nobody is in {group}", f"Start the {service}, or see its /readyz.")
        for group, service in idle.items()
    ]
    if untold:
        found.append(skipped("consumer groups", f"the brokers do not tell who is in {', '.join(untold)}"))
    return found or [good("consumer groups", f"all {len(CONSUMER_GROUPS)} have members")]
