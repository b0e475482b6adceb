"""What connectors of all vendors have in common, each against its stand-in."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tieline_simulators import (
    Fault,
    GitHubSimulator,
    JiraSimulator,
    LinearSimulator,
    PagerDutySimulator,
    SentrySimulator,
    running,
)
from tieline_simulators.records import RecordStandIn
from tieline_sync.adapters.connectors.github import GitHubConnector
from tieline_sync.adapters.connectors.jira import JiraConnector
from tieline_sync.adapters.connectors.linear import LinearConnector
from tieline_sync.adapters.connectors.pagerduty import PagerDutyConnector
from tieline_sync.adapters.connectors.sentry import SentryConnector
from tieline_sync.domain.errors import (
    MissingConfigurationError,
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from tieline_sync.domain.records import Record
from tieline_sync.ports import Connector, Source

from tests.unit.sync.connectors.support import facts, read
from tests.unit.sync.connectors.vendors import sessions

START = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)


class Moment:
    """A clock that both sides read, moved by hand."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def seconds(self) -> float:
        return self.at.timestamp()

    def move(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass(frozen=True)
class Vendor:
    """One vendor: its stand-in, its connector, what it is configured with, and how one of its records changes."""

    provider: str
    stand_in: Callable[[Moment], RecordStandIn]
    connector: Callable[[Any, Moment], Connector]
    config: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    change: dict[str, Any] = field(default_factory=dict)
    is_incremental: bool = True

    def keys(self, stand_in: RecordStandIn) -> set[str]:
        """Return the ids of what is to be synced."""
        return {str(one["id"]) for one in stand_in.records.values() if "pull_request" not in one}

    def changing(self, stand_in: RecordStandIn) -> list[str]:
        """Return the ids of records whose changes are noticed: at PagerDuty those that are open."""
        noticed = {str(one["id"]) for one in stand_in.records.values() if one.get("status") != "resolved"}
        return sorted(self.keys(stand_in) & noticed)


VENDORS = [
    Vendor(
        "github",
        lambda now: GitHubSimulator(issues=57, clock=now.seconds),
        lambda opened, _now: GitHubConnector(opened),
        {"repository": "tieline-demo/shop"},
        change={"title": "changed"},
    ),
    Vendor(
        "jira",
        lambda now: JiraSimulator(issues=43, clock=now.seconds),
        JiraConnector,
        {"email": "mira@example.com"},
        change={"fields": {"summary": "changed"}},
    ),
    Vendor(
        "linear",
        lambda now: LinearSimulator(issues=61, clock=now.seconds),
        lambda opened, _now: LinearConnector(opened),
        path="/graphql",
        change={"title": "changed"},
    ),
    Vendor(
        "sentry",
        lambda now: SentrySimulator(issues=60, clock=now.seconds),
        lambda opened, _now: SentryConnector(opened),
        {"organization": "tieline-demo"},
        path="/api/0",
        change={"status": "resolved", "title": "changed"},
        is_incremental=False,
    ),
    Vendor(
        "pagerduty",
        lambda now: PagerDutySimulator(clock=now.seconds),
        PagerDutyConnector,
        change={"title": "changed"},
        is_incremental=False,  # its incidents lie within a few days, which are read again
    ),
]

every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.provider)


@asynccontextmanager
async def opened(
    vendor: Vendor, *, page_size: int = 10, secrets: dict[str, str] | None = None, **config: Any
) -> AsyncIterator[tuple[RecordStandIn, Source, Moment]]:
    """Yield a vendor's stand-in, its source, and the clock of both."""
    moment = Moment()
    stand_in = vendor.stand_in(moment)
    async with running(vendor=stand_in) as addresses, sessions(moment) as ready:
        configured = {"base_url": addresses["vendor"] + vendor.path, **vendor.config, **config}
        keyed = {"auth.access_token": "key-1"} if secrets is None else secrets
        connector = vendor.connector(ready, moment)
        yield stand_in, connector.open(facts(vendor.provider, configured, keyed), page_size=page_size), moment


@every_vendor
async def test_every_record_comes_once_page_by_page(vendor: Vendor) -> None:
    async with opened(vendor) as (stand_in, source, _):
        found = await read(source)

    assert found.records.keys() == vendor.keys(stand_in)
    assert len(found.met) == len(set(found.met))
    assert len(found.sizes) > 2
    assert max(found.sizes) <= 10


@every_vendor
async def test_next_run_meets_what_changed_and_little_else(vendor: Vendor) -> None:
    async with opened(vendor) as (stand_in, source, moment):
        first = await read(source)
        moment.move(hours=2)
        changed = vendor.changing(stand_in)[5]
        stand_in.put(key_of(stand_in, changed), vendor.change)
        then = await read(source, first.resume)

    assert "changed" in str(then.records[changed].data)
    if vendor.is_incremental:
        assert len(then.met) < len(first.met) / 2
    unchanged = {key for key, record in then.records.items() if record == first.records[key]}
    assert then.records.keys() - unchanged == {changed}


def key_of(stand_in: RecordStandIn, identity: str) -> str:
    """Return the key under which a stand-in keeps the record with this id."""
    return next(key for key, record in stand_in.records.items() if str(record["id"]) == identity)


@every_vendor
async def test_record_that_changes_while_pages_are_read_is_met_as_it_ends_up(vendor: Vendor) -> None:
    async with opened(vendor) as (stand_in, source, moment):
        waiting = vendor.changing(stand_in)[::7]

        def change(_page: object) -> None:
            moment.move(minutes=3)
            if waiting:
                stand_in.put(key_of(stand_in, waiting.pop()), vendor.change)

        first = await read(source, between=change)
        moment.move(minutes=3)
        then = await read(source, first.resume)

    met: dict[str, Record] = first.records | then.records
    assert met.keys() == vendor.keys(stand_in)
    changed = {key for key, record in met.items() if "'changed'" in str(record.data)}
    assert changed == {str(one["id"]) for one in stand_in.records.values() if "'changed'" in str(one)}


@every_vendor
async def test_labels_are_what_people_call_the_records(vendor: Vendor) -> None:
    async with opened(vendor) as (_, source, _now):
        found = await read(source)

    patterns = {
        "github": r"[\w-]+/[\w-]+#\d+",
        "jira": r"[A-Z]+-\d+",
        "linear": r"[A-Z]+-\d+",
        "sentry": r"[A-Z]+-\d+",
        "pagerduty": r"#\d+",
    }
    for record in found.records.values():
        assert re.fullmatch(patterns[vendor.provider], record.label), record.label


@every_vendor
async def test_limit_is_waited_for_and_refusal_and_outage_are_told_apart(vendor: Vendor) -> None:
    async with opened(vendor) as (stand_in, source, _):
        stand_in.faults.add(Fault(kind="rate_limit", retry_after=42))
        with pytest.raises(ProviderRateLimitedError) as limited:
            await read(source)
        stand_in.faults.add(Fault(kind="status", status=503))
        with pytest.raises(ProviderUnavailableError):
            await read(source)
        stand_in.faults.add(Fault(kind="bad_json"))
        with pytest.raises(ProviderUnavailableError):
            await read(source)
        stand_in.faults.add(Fault(kind="status", status=401))
        with pytest.raises(ProviderRefusedError, match="credentials"):
            await read(source)
        found = await read(source)

    assert timedelta(seconds=41) <= limited.value.wait <= timedelta(seconds=43)
    assert found.records


@every_vendor
async def test_missing_key_is_named(vendor: Vendor) -> None:
    with pytest.raises(MissingConfigurationError, match=r"Missing .* configuration"):
        async with opened(vendor, secrets={}):
            pass
