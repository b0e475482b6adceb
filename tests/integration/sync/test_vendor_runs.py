"""Every vendor's records through the whole worker: synced, rate limited, changed, synced again, read back."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from tieline.contracts.sync import RunCompleted, RunProgress
from tieline_simulators import Fault, JiraSimulator, running
from tieline_sync.adapters.connectors.catalogue import connectors
from tieline_sync.adapters.connectors.rest import RestConnector

from tests.integration.sync.bench import SyncBench
from tests.integration.sync.test_datasets import client_of
from tests.support.registry_stub import WORKSPACE
from tests.unit.sync.connectors.test_rest import SEARCH
from tests.unit.sync.connectors.test_vendors import VENDORS, Moment, Vendor, key_of

BY_ENDPOINT = Vendor(
    "rest",
    lambda now: JiraSimulator(issues=31, clock=now.seconds),
    lambda _opened, _now: None,  # type: ignore[arg-type,return-value]  # the worker opens it itself
    change={"fields": {"summary": "changed"}},
    is_incremental=False,
)
EVERY = [*VENDORS, BY_ENDPOINT]
MOST_RECORDS = 100


class RealTime(Moment):
    """The clock that the worker reads, too."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        return self().timestamp()


def configure(bench: SyncBench, vendor: Vendor, address: str) -> str:
    """Configure a vendor's integration; return its id."""
    changes: dict[str, Any] = {"auth": {}, "secrets": {"auth.access_token": "key-1"}}
    if vendor is BY_ENDPOINT:
        changes["endpoints"] = [SEARCH]
    config = {"base_url": address + vendor.path, **vendor.config}
    return bench.servicenow(
        address, provider=vendor.provider, display_name=vendor.provider.title(), config=config, **changes
    )


async def test_every_vendor_is_synced_and_only_changes_come_again(bench: SyncBench) -> None:
    stand_ins: dict[str, Any] = {vendor.provider: vendor.stand_in(RealTime()) for vendor in EVERY}
    settings = bench.with_runs(page_size=10, concurrent_runs=len(EVERY))
    async with (
        running(**stand_ins) as addresses,
        bench.worker(settings) as worker,
        client_of(bench, worker) as client,
    ):
        integrations = {vendor.provider: configure(bench, vendor, addresses[vendor.provider]) for vendor in EVERY}
        for stand_in in stand_ins.values():
            stand_in.faults.add(Fault(kind="rate_limit", retry_after=1))
        first = await _synced(bench, integrations)
        changed = {}
        for vendor in EVERY:
            stand_in = stand_ins[vendor.provider]
            changed[vendor.provider] = vendor.changing(stand_in)[3]
            stand_in.put(key_of(stand_in, changed[vendor.provider]), vendor.change)
        then = await _synced(bench, integrations)
        read = {
            provider: await client.list_records(WORKSPACE, integration, limit=MOST_RECORDS)
            for provider, integration in integrations.items()
        }

    assert {vendor.provider for vendor in EVERY} | {"servicenow"} == set(connectors_known())
    for vendor in EVERY:
        wanted = vendor.keys(stand_ins[vendor.provider])
        completed, again, page = first[vendor.provider], then[vendor.provider], read[vendor.provider]
        assert (completed.added, completed.total) == (len(wanted), len(wanted)), vendor.provider
        assert (again.added, again.updated, again.total, again.dataset_version) == (0, 1, 1, 2), vendor.provider
        assert page is not None
        assert {record.id for record in page.items} == wanted, vendor.provider
        showing = [record.id for record in page.items if "changed" in str(record.data)]
        assert showing == [changed[vendor.provider]], vendor.provider


async def _synced(bench: SyncBench, integrations: dict[str, str]) -> dict[str, RunCompleted]:
    """Sync all side by side; return how each completed."""
    ended = await asyncio.gather(*(bench.sync(one, batch_size=20, within=60) for one in integrations.values()))
    completed = {}
    for provider, events in zip(integrations, ended, strict=True):
        assert isinstance(events[-1], RunCompleted), (provider, events[-1])
        fetching = next(event for event in events if isinstance(event, RunProgress))
        assert fetching.message.startswith("Fetching "), provider
        completed[provider] = events[-1]
    return completed


def connectors_known() -> list[str]:
    """Return the providers that have a connector."""
    nothing: Any = None
    rest = RestConnector(nothing, nothing, apps={}, new_id=nothing)
    return list(connectors(nothing, nothing, nothing, nothing, rest=rest, health=nothing))
