"""`tieline doctor` on a real broker and database: what is wrong is named, with what to do about it."""

import json
import socket

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from starlette.applications import Starlette
from tieline.clock import system_clock
from tieline.service.health import Health
from tieline.settings import InternalSettings, KafkaSettings, MongoSettings
from tieline.topics import CATALOGUE, apply_topics
from tieline_cli.doctor import kafka, keys, mongo, services
from tieline_cli.doctor.findings import Finding
from tieline_cli.keys import SystemKeys

from tests.support.http_server import serving


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _one(findings: list[Finding], about: str) -> Finding:
    return next(finding for finding in findings if finding.about == about)


async def test_topics_that_are_missing_are_named_and_then_there(kafka_server: str, topic_prefix: str) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)

    before = _one(await kafka.examine(settings), "topics")
    await apply_topics(settings)
    after = _one(await kafka.examine(settings), "topics")

    assert before.verdict == "bad"
    assert all(topic.name in before.told for topic in CATALOGUE)
    assert "tieline topics apply" in before.remedy
    assert (after.verdict, after.remedy) == ("good", "")


async def test_groups_that_nobody_works_for_name_the_service_to_start(kafka_server: str, topic_prefix: str) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(settings)

    idle = [finding for finding in await kafka.examine(settings) if finding.about == "consumer groups"]

    assert {"registry", "sync-worker", "webhook-router"} <= {word for each in idle for word in _words(each.remedy)}


async def test_a_broker_that_is_away_is_one_finding(nobody: str) -> None:
    (found,) = await kafka.examine(KafkaSettings(bootstrap_servers=nobody))

    assert found.verdict == "bad"
    assert nobody in found.told
    assert "TIELINE_KAFKA__BOOTSTRAP_SERVERS" in found.remedy


async def test_indexes_that_are_missing_name_the_service_that_makes_them(
    mongo_server: str, mongo_database: str
) -> None:
    settings = MongoSettings(url=SecretStr(mongo_server), database=mongo_database)

    found = await mongo.examine(settings, clock=system_clock)

    assert _one(found, "MongoDB").verdict == "good"
    assert _one(found, "clock").verdict == "good"
    remedies = " ".join(each.remedy for each in found if each.about == "indexes")
    assert all(service in remedies for service in ("registry", "sync-worker", "webhook-router"))


async def test_indexes_that_are_there_are_counted(mongo_server: str, mongo_database: str) -> None:
    with MongoClient[dict[str, object]](mongo_server) as client:
        for collections in mongo.INDEXES.values():
            for name, wanted in collections.items():
                for number in range(wanted):
                    client[mongo_database][name].create_index(f"field{number}")

    found = await mongo.examine(MongoSettings(url=SecretStr(mongo_server), database=mongo_database), clock=system_clock)

    assert _one(found, "indexes").verdict == "good"


async def test_a_database_that_is_away_is_one_finding_without_its_password(nobody: str) -> None:
    url = SecretStr(f"mongodb://tieline:sample-password@{nobody}/?directConnection=true")
    settings = MongoSettings.model_validate({"url": url, "timeout": "0.5"})

    (found,) = await mongo.examine(settings, clock=system_clock)

    assert found.verdict == "bad"
    assert "sample-password" not in repr(found)


async def test_services_that_are_away_or_not_ready_say_what_they_miss(nobody: str) -> None:
    async def missing() -> str | None:
        return "no Kafka broker answers"

    async with serving(Starlette(routes=Health({"kafka": missing}).routes())) as address:
        found = await services.examine(
            {"gateway": address, "registry": f"http://{nobody}"},
            InternalSettings(registry_url=f"http://{nobody}"),
            clock=system_clock,
        )

    assert "no Kafka broker answers" in _one(found, "gateway").told
    assert nobody in _one(found, "registry").told
    assert _one(found, "token").verdict == "skipped"


def test_keys_that_do_not_fit_are_told_apart_from_those_that_do() -> None:
    made, other = SystemKeys.generate("k1").as_environment(), SystemKeys.generate("k1").as_environment()
    public = "TIELINE_SECRETS__SEALING_PUBLIC_KEY"

    fitting = keys.examine(made)
    swapped = keys.examine({**made, public: other[public]})
    broken = keys.examine({**made, public: "k1:nonsense"})

    assert {finding.verdict for finding in fitting} == {"good"}
    assert [finding.told for finding in swapped if finding.verdict == "bad"] == [
        "the public key k1 is not that of the private key k1"
    ]
    assert any(finding.verdict == "bad" and public in finding.told for finding in broken)
    assert not any(
        value.split(":")[1] in json.dumps(repr(fitting + swapped)) for value in made.values() if ":" in value
    )


def _words(text: str) -> set[str]:
    return {word.strip(".,") for word in text.split()}
