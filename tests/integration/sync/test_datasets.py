"""Dataset versions: read, compared, rolled back to, forgotten."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
import pytest_asyncio
from tieline.contracts.sync_reads import RecordPage
from tieline.sync_client import SyncClient, SyncRefusedError
from tieline_simulators import ServiceNowSimulator, running
from tieline_sync.bootstrap import Worker

from tests.integration.sync.bench import SyncBench
from tests.integration.sync.test_published_stream import incidents, worker_http
from tests.support.http_server import serving
from tests.support.registry_stub import WORKSPACE


class Stage:
    """An instance, its integration, a worker, and the client of its reads."""

    def __init__(self, bench: SyncBench, instance: ServiceNowSimulator, integration: str, client: SyncClient) -> None:
        self.bench = bench
        self.instance = instance
        self.integration = integration
        self.client = client

    async def sync(self) -> Any:
        """Sync, return the completion."""
        return (await self.bench.sync(self.integration, batch_size=7))[-1]

    async def put(self, *rows: dict[str, str]) -> Any:
        """Change rows and sync."""
        self.instance.put_rows(rows)
        return await self.sync()

    async def records(self, **asked: Any) -> RecordPage:
        """Return a page of records."""
        page = await self.client.list_records(WORKSPACE, self.integration, **asked)
        assert page is not None
        return page

    async def everything(self, **asked: Any) -> dict[str, str]:
        """Return all records by label, page after page: what each is short-described as."""
        found: dict[str, str] = {}
        after = None
        while True:
            page = await self.records(after=after, limit=4, **asked)
            assert not found.keys() & {item.label for item in page.items}
            found |= {item.label: item.data["short_description"] for item in page.items}
            after = page.next
            if after is None:
                return found


@pytest_asyncio.fixture
async def stage(bench: SyncBench) -> AsyncIterator[Stage]:
    instance = ServiceNowSimulator(incidents(10))
    async with (
        running(servicenow=instance) as addresses,
        bench.worker(bench.with_runs(keep_versions=4)) as worker,
        client_of(bench, worker) as client,
    ):
        yield Stage(bench, instance, bench.servicenow(addresses["servicenow"]), client)


@asynccontextmanager
async def client_of(bench: SyncBench, worker: Worker) -> AsyncIterator[SyncClient]:
    """A client of a worker's reads, over HTTP."""
    async with serving(worker_http(worker)) as url:
        internal = bench.settings.internal.model_copy(update={"sync_worker_url": url})
        async with SyncClient(internal) as client:
            yield client


def a_row(number: int, text: str) -> dict[str, str]:
    return {"sys_id": f"{number:032x}", "number": f"INC{number:03}", "short_description": text}


async def test_every_version_is_read_as_it_was(stage: Stage) -> None:
    await stage.sync()
    second = await stage.put(a_row(3, "three, changed"), a_row(11, "eleven"))
    third = await stage.put(a_row(3, "three, changed again"))

    first_read = await stage.everything(version=1)
    second_read = await stage.everything(version=2)
    present = await stage.everything()

    assert (second.added, second.updated, second.total) == (1, 1, 2)
    assert (third.added, third.updated, third.dataset_version) == (0, 1, 3)
    assert first_read == {f"INC{number:03}": f"Something broke, number {number}" for number in range(1, 11)}
    assert second_read == first_read | {"INC003": "three, changed", "INC011": "eleven"}
    assert present == second_read | {"INC003": "three, changed again"}


async def test_roll_back_moves_a_pointer_and_the_next_sync_goes_on_from_there(stage: Stage) -> None:
    await stage.sync()
    await stage.put(a_row(3, "three, changed"))
    await stage.put(a_row(11, "eleven"))

    listed = await stage.client.roll_back(WORKSPACE, stage.integration, 1, by="user-1")
    rolled_back = await stage.everything()
    again = await stage.sync()

    assert listed is not None
    assert listed.current == 1
    assert rolled_back == await stage.everything(version=1)
    assert (again.added, again.updated, again.dataset_version) == (1, 1, 4)
    assert await stage.everything() == await stage.everything(version=3)
    versions = await stage.client.list_versions(WORKSPACE, stage.integration)
    assert [(one.version, one.parent, one.records) for one in versions.items] == [
        (4, 1, 11),
        (3, 2, 11),
        (2, 1, 10),
        (1, None, 10),
    ]


async def test_diff_tells_added_changed_and_removed_in_both_directions(stage: Stage) -> None:
    await stage.sync()
    await stage.put(a_row(3, "three, changed"), a_row(11, "eleven"))

    forth = await stage.client.diff(WORKSPACE, stage.integration, from_version=1, to_version=2)
    back = await stage.client.diff(WORKSPACE, stage.integration, from_version=2, to_version=1, limit=1)
    assert forth is not None
    assert back is not None
    assert back.next is not None
    rest = await stage.client.diff(WORKSPACE, stage.integration, from_version=2, to_version=1, limit=1, after=back.next)

    assert rest is not None
    assert [(item.label, item.change) for item in forth.items] == [("INC003", "changed"), ("INC011", "added")]
    assert forth.items[0].fields == ["short_description", "sys_updated_on"]
    assert [(item.label, item.change) for item in [*back.items, *rest.items]] == [
        ("INC003", "changed"),
        ("INC011", "removed"),
    ]


async def test_records_are_searched_and_filtered(stage: Stage) -> None:
    await stage.sync()
    await stage.put(a_row(3, "The PRINTER on floor 3"))

    searched = await stage.records(search="printer")
    by_field = await stage.records(where={"number": "INC004"})
    before = await stage.records(search="printer", version=1)

    assert [item.label for item in searched.items] == ["INC003"]
    assert [item.label for item in by_field.items] == ["INC004"]
    assert before.items == []
    assert (searched.records, searched.next) == (10, None)


async def test_oldest_versions_are_forgotten_with_what_only_they_show(stage: Stage) -> None:
    await stage.sync()
    for turn in range(6):
        await stage.put(a_row(3, f"turn {turn}"))

    versions = await stage.client.list_versions(WORKSPACE, stage.integration)
    with pytest.raises(SyncRefusedError) as caught:
        await stage.records(version=1)

    assert [one.version for one in versions.items] == [7, 6, 5, 4]
    assert caught.value.code == "version_not_found"
    assert (await stage.everything(version=4))["INC003"] == "turn 2"


async def test_roll_back_is_refused_while_a_run_is_under_way(stage: Stage) -> None:
    await stage.sync()
    await stage.bench.log.until(lambda: True)
    stage.instance.put_rows(incidents(300))
    run_id = await stage.bench.start(stage.integration, batch_size=1)
    await stage.bench.log.until(lambda: len(stage.bench.log.of(run_id)) > 3)

    with pytest.raises(SyncRefusedError) as caught:
        await stage.client.roll_back(WORKSPACE, stage.integration, 1, by="user-1")

    assert caught.value.code == "run_active"


async def test_raw_pages_are_what_the_provider_answered(stage: Stage) -> None:
    await stage.sync()
    run = await stage.client.find_run(WORKSPACE, stage.integration)
    assert run is not None

    listed = await stage.client.list_raw_pages(WORKSPACE, stage.integration, run.id)
    body = await stage.client.raw_page(WORKSPACE, stage.integration, run.id, 0)
    elsewhere = await stage.client.raw_page(WORKSPACE, "another-integration", run.id, 0)

    assert listed is not None
    assert [(page.rows, page.picked) for page in listed.items] == [(10, 10)]
    assert body is not None
    assert len(orjson.loads(body)["result"]) == 10
    assert elsewhere is None


async def test_strangers_see_nothing(stage: Stage) -> None:
    await stage.sync()
    stranger = "99999999-2222-3333-4444-555555555555"

    assert (await stage.client.list_records(stranger, stage.integration)) == RecordPage(
        version=None, records=0, items=[]
    )
    assert await stage.client.find_run(stranger, stage.integration) is None
    assert (await stage.client.list_versions(stranger, stage.integration)).items == []
