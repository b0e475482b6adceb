"""MongoDB: reachable, a replica set, the indexes there, its clock ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError
from tieline.clock import Clock
from tieline.settings import MongoSettings

from tieline_cli.doctor.findings import Finding, bad, doubtful, good

_Document = dict[str, Any]

INDEXES: Final[Mapping[str, Mapping[str, int]]] = {
    "registry": {
        "workspaces": 1,
        "api_keys": 2,
        "integrations": 4,
        "deleted_integrations": 2,
        "routes": 1,
        "commands": 1,
        "audit": 2,
    },
    "sync-worker": {
        "sync_runs": 5,
        "sync_raw_pages": 2,
        "sync_records": 1,
        "sync_revisions": 1,
        "sync_dataset_versions": 1,
        "sync_schedules": 1,
    },
    "webhook-router": {
        "webhook_events": 2,
        "deliveries": 4,
        "delivery_ledger": 1,
        "delivery_lanes": 1,
        "channel_messages": 1,
        "webhook_quarantine": 2,
    },
}
"""How many indexes each collection has besides the one on `_id`, by the service that makes them at its start."""

FURTHEST_CLOCK: Final = 2.0
"""Seconds between two clocks before leases of 20 s and signatures that carry a time are in danger."""


async def examine(settings: MongoSettings, *, clock: Clock) -> list[Finding]:
    """Look at the database."""
    milliseconds = int(settings.timeout.total_seconds() * 1000)
    client: AsyncMongoClient[_Document] = AsyncMongoClient(
        settings.url.get_secret_value(), serverSelectionTimeoutMS=milliseconds, timeoutMS=milliseconds, tz_aware=True
    )
    try:
        before = clock()
        hello = await client.admin.command("hello")
        found = [_reached(hello), *_clock(hello, before, clock())]
        return [*found, *await _indexes(client, settings.database)]
    except OperationFailure as error:
        remedy = "Give the user of TIELINE_MONGO__URL the role readWrite on the database."
        return [bad("MongoDB", f"it refuses us: {error.details and error.details.get('codeName')}", remedy)]
    except PyMongoError as error:
        remedy = "Check TIELINE_MONGO__URL and the way there (docs/runbooks/mongodb-down.md)."
        return [bad("MongoDB", f"it does not answer: {type(error).__name__}", remedy)]
    finally:
        await client.close()


def _reached(hello: _Document) -> Finding:
    if "setName" in hello or hello.get("msg") == "isdbgrid":
        return good("MongoDB", f"answers, replica set {hello.get('setName', 'behind mongos')}")
    return bad(
        "MongoDB",
        "it is no replica set, so it has no transactions",
        "Start mongod with --replSet and run rs.initiate(), also for a single node.",
    )


def _clock(hello: _Document, before: datetime, after: datetime) -> list[Finding]:
    theirs = hello.get("localTime")
    if not isinstance(theirs, datetime):
        return []
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    if apart <= FURTHEST_CLOCK:
        return [good("clock", f"within {max(apart, 0.1):.1f} s of MongoDB's")]
    return [doubtful("clock", f"{apart:.1f} s from MongoDB's", "Let every machine follow one time server (NTP).")]


async def _indexes(client: "AsyncMongoClient[_Document]", name: str) -> list[Finding]:
    database = client[name]
    missing: dict[str, list[str]] = {}
    for service, collections in INDEXES.items():
        for collection, wanted in collections.items():
            there = len(await database[collection].index_information()) - 1  # without the one on _id
            if there < wanted:
                missing.setdefault(service, []).append(collection)
    if not missing:
        return [good("indexes", f"all are there in {name}")]
    return [
        bad(
            "indexes",
            f"some are missing in {name}: {', '.join(collections)}",
            f"Start the {service}: it makes them before it is ready; its log says what stops it.",
        )
        for service, collections in missing.items()
    ]
