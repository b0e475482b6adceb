"""Records as of a dataset version, and what differs between two: by windows over places, each bounded."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieline.contracts.base import JsonObject
from tieline.contracts.sync_reads import DiffPage, RecordChange, RecordPage, SyncedRecord

from tieline_sync.domain.datasets import Dataset, DatasetVersion
from tieline_sync.domain.errors import VersionNotFoundError
from tieline_sync.domain.revisions import Lineage, Mark
from tieline_sync.ports import DatasetStore, RecordReader, StoredRecord

_Change = tuple[StoredRecord, Mark | None, Mark | None]

MOST_EXAMINED = 20_000  # records one call looks at; a filter that finds little answers with where to go on
WINDOW = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """What of a version is asked for. `search` is text in any value, `where` compares fields with text."""

    version: int | None = None
    limit: int = 50
    after: int = 0
    search: str | None = None
    where: Mapping[str, str] | None = None

    @property
    def is_filtered(self) -> bool:
        """Say whether some records are left out."""
        return bool(self.search or self.where)

    def takes(self, record: SyncedRecord) -> bool:
        """Say whether a record is meant."""
        wanted = all(_text(_value_at(record.data, path)) == value for path, value in (self.where or {}).items())
        return wanted and (not self.search or _holds([record.label, record.data], self.search.casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffQuery:
    """Which two versions are compared, and where to go on."""

    from_version: int
    to_version: int
    limit: int = 50
    after: int = 0


class ReadRecords:
    """Reads of one integration's dataset. Raises DatabaseUnavailableError, VersionNotFoundError."""

    def __init__(self, *, datasets: DatasetStore, records: RecordReader) -> None:
        self._datasets = datasets
        self._records = records

    async def page(self, workspace_id: str, integration_id: str, query: RecordQuery) -> RecordPage:
        """Return a page of records in the order of arrival."""
        dataset = await self._datasets.get(workspace_id, integration_id)
        if dataset.current is None and query.version is None:
            return RecordPage(version=None, records=0, items=[])
        version = await self._version(dataset, query.version)
        window = WINDOW if query.is_filtered else min(query.limit, WINDOW)
        items: list[SyncedRecord] = []
        reached = query.after
        async for end, found in self._windows(dataset, version.places, query.after, window):
            taken = [
                (stored.place, record)
                for stored, record in await self._shown(dataset, found, version)
                if query.takes(record)
            ][: query.limit - len(items)]
            items += [record for _, record in taken]
            is_full = len(items) == query.limit
            reached = taken[-1][0] if is_full else end
            if is_full:
                break
        return RecordPage(
            version=version.version,
            records=version.records,
            items=items,
            next=str(reached) if reached < version.places else None,
        )

    async def diff(self, workspace_id: str, integration_id: str, query: DiffQuery) -> DiffPage:
        """Return a page of what differs, in the order of arrival."""
        dataset = await self._datasets.get(workspace_id, integration_id)
        before = await self._version(dataset, query.from_version)
        after = await self._version(dataset, query.to_version)
        places = max(before.places, after.places)
        items: list[RecordChange] = []
        reached = query.after
        async for end, found in self._windows(dataset, places, query.after, WINDOW):
            changes = _changes(found, before.lineage, after.lineage)[: query.limit - len(items)]
            items += await self._described(dataset, changes, before, after)
            is_full = len(items) == query.limit
            reached = changes[-1][0].place if is_full else end
            if is_full:
                break
        return DiffPage(
            from_version=before.version,
            to_version=after.version,
            items=items,
            next=str(reached) if reached < places else None,
        )

    async def _version(self, dataset: Dataset, version: int | None) -> DatasetVersion:
        if version is None or (dataset.current is not None and dataset.current.version == version):
            found = dataset.current
        else:
            found = await self._datasets.version(dataset.id, version)
        if found is None:
            raise VersionNotFoundError(version or 0)
        return found

    async def _windows(
        self, dataset: Dataset, places: int, after: int, window: int
    ) -> AsyncIterator[tuple[int, list[StoredRecord]]]:
        """Yield (end of the window, its records by place), up to MOST_EXAMINED places."""
        last = min(places, after + MOST_EXAMINED)
        for start in range(after, last, window):
            end = min(start + window, last)
            yield end, await self._records.window(dataset.id, start, end)

    async def _shown(
        self, dataset: Dataset, found: Sequence[StoredRecord], version: DatasetVersion
    ) -> list[tuple[StoredRecord, SyncedRecord]]:
        marks = [(stored, mark) for stored in found if (mark := stored.head.shown_by(version.lineage)) is not None]
        contents = await self._contents(dataset, marks, version)
        return [
            (stored, SyncedRecord(id=stored.head.id, label=label, data=data))
            for (stored, _), (label, data) in zip(marks, contents, strict=True)
        ]

    async def _contents(
        self, dataset: Dataset, wanted: Sequence[tuple[StoredRecord, Mark]], version: DatasetVersion
    ) -> list[tuple[str, JsonObject]]:
        archived = [(stored.head.id, mark.generation) for stored, mark in wanted if mark != stored.head.newest]
        from_archive = await self._records.archived(dataset.id, archived) if archived else {}
        if len(from_archive) < len(archived):
            raise VersionNotFoundError(version.version)  # its retention ended while it was being read
        return [
            (stored.label, stored.data)
            if mark == stored.head.newest
            else from_archive[(stored.head.id, mark.generation)]
            for stored, mark in wanted
        ]

    async def _described(
        self, dataset: Dataset, changes: Sequence[_Change], before: DatasetVersion, after: DatasetVersion
    ) -> list[RecordChange]:
        changed = [(stored, old, new) for stored, old, new in changes if old is not None and new is not None]
        was = await self._contents(dataset, [(stored, old) for stored, old, _ in changed], before)
        became = await self._contents(dataset, [(stored, new) for stored, _, new in changed], after)
        fields = {
            stored.head.id: _differing(old, new)
            for (stored, _, _), (_, old), (_, new) in zip(changed, was, became, strict=True)
        }
        return [
            RecordChange(
                id=stored.head.id,
                label=stored.label,
                change="added" if old is None else "removed" if new is None else "changed",
                fields=fields.get(stored.head.id, []),
            )
            for stored, old, new in changes
        ]


def _changes(found: Sequence[StoredRecord], before: Lineage, after: Lineage) -> list[_Change]:
    compared = ((stored, stored.head.shown_by(before), stored.head.shown_by(after)) for stored in found)
    return [
        (stored, old, new)
        for stored, old, new in compared
        if (old.content_hash if old else None) != (new.content_hash if new else None)
    ]


def _differing(before: JsonObject, after: JsonObject) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _value_at(data: JsonObject, path: str) -> Any:
    """Return the value at a dotted path; a key that has dots itself is found as it is."""
    if path in data:
        return data[path]
    value: Any = data
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _holds(value: Any, text: str) -> bool:
    if isinstance(value, dict):
        return any(_holds(item, text) for item in value.values())
    if isinstance(value, list):
        return any(_holds(item, text) for item in value)
    return text in _text(value).casefold()
