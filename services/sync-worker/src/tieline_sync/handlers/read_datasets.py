"""Dataset versions: listed, and rolled back to. Raw pages: listed, and read."""

from tieline.contracts.sync_reads import (
    DatasetVersionList,
    DatasetVersionSummary,
    RawPageList,
    RawPageSummary,
)

from tieline_sync.domain.datasets import DatasetVersion
from tieline_sync.domain.errors import DatasetMovedError, RunActiveError, VersionNotFoundError
from tieline_sync.ports import DatasetStore, RawPages, RunStore


class ReadDatasets:
    """Versions and raw pages of one integration. Raises DatabaseUnavailableError."""

    def __init__(self, *, datasets: DatasetStore, pages: RawPages, runs: RunStore) -> None:
        self._datasets = datasets
        self._pages = pages
        self._runs = runs

    async def versions(self, workspace_id: str, integration_id: str, *, limit: int, offset: int) -> DatasetVersionList:
        """Return a page of versions, newest first."""
        dataset = await self._datasets.get(workspace_id, integration_id)
        current = dataset.current.version if dataset.current else None
        found = [version async for version in self._datasets.versions(dataset.id)]  # bounded by retention
        shown = found[offset : offset + limit]
        return DatasetVersionList(
            items=[_summary(version, current) for version in shown],
            current=current,
            total=len(found),
            next_offset=offset + limit if offset + limit < len(found) else None,
        )

    async def roll_back(self, workspace_id: str, integration_id: str, version: int) -> DatasetVersionList:
        """Make `version` the present one; the next sync goes on from there. Rolling back to it again changes nothing.

        Raises RunActiveError, VersionNotFoundError, DatasetMovedError when a run published meanwhile.
        """
        active = await self._runs.find_active(workspace_id, integration_id)
        if active is not None and not active.is_over:  # one that is has done all it does to the dataset
            raise RunActiveError(active.id)
        dataset = await self._datasets.get(workspace_id, integration_id)
        if await self._datasets.version(dataset.id, version) is None:
            raise VersionNotFoundError(version)
        if not await self._datasets.point_at(dataset, version):
            raise DatasetMovedError
        return await self.versions(workspace_id, integration_id, limit=50, offset=0)

    async def raw_pages(
        self, workspace_id: str, integration_id: str, run_id: str, *, limit: int, offset: int
    ) -> RawPageList | None:
        """Return a page of the list of a run's raw pages; None when this integration has no such run."""
        if not await self._has_run(workspace_id, integration_id, run_id):
            return None
        found = await self._pages.listed(run_id, first=offset, most=limit + 1)
        run = await self._runs.find(run_id)
        total = run.fetched.pages if run else len(found)
        return RawPageList(
            items=[
                RawPageSummary(
                    number=page.number,
                    bytes=page.bytes,
                    rows=page.rows,
                    picked=page.picked,
                    fetched_at=page.fetched_at,
                    expires_at=page.expires_at,
                )
                for page in found[:limit]
            ],
            total=total,
            next_offset=offset + limit if len(found) > limit else None,
        )

    async def raw_page(self, workspace_id: str, integration_id: str, run_id: str, number: int) -> bytes | None:
        """Return one page as the provider answered it; None when there is none (any more)."""
        if not await self._has_run(workspace_id, integration_id, run_id):
            return None
        page = await self._pages.get(run_id, number)
        return None if page is None else page.body

    async def _has_run(self, workspace_id: str, integration_id: str, run_id: str) -> bool:
        run = await self._runs.find(run_id)
        return run is not None and (run.workspace_id, run.integration_id) == (workspace_id, integration_id)


def _summary(version: DatasetVersion, current: int | None) -> DatasetVersionSummary:
    return DatasetVersionSummary(
        version=version.version,
        is_current=version.version == current,
        parent=version.parent,
        run_id=version.run_id,
        created_at=version.created_at,
        records=version.records,
        added=version.added,
        updated=version.updated,
        removed=version.removed,
    )
