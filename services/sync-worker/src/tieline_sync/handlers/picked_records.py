"""The records that a run saves, read back from its stored pages in batches."""

from collections.abc import AsyncIterator

from tieline_sync.domain.errors import RunRefusedError
from tieline_sync.domain.runs import Plan, Run
from tieline_sync.ports import NumberedRecord, RawPages, Source, StoredPage


class PickedRecords:
    """The picked rows of all pages as one sequence, whatever the pages' sizes; one page in memory at a time."""

    def __init__(self, pages: RawPages, source: Source, run: Run, plan: Plan) -> None:
        self._pages = pages
        self._source = source
        self._run = run
        self._plan = plan

    async def batches(self, first: int) -> AsyncIterator[list[NumberedRecord]]:
        """Yield batch `first` (from 1) and those after it."""
        skipped = (first - 1) * self._run.batch_size
        batch: list[NumberedRecord] = []
        async for record in self._records_from(skipped):
            batch.append(record)
            if len(batch) == self._run.batch_size:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _records_from(self, pick: int) -> AsyncIterator[NumberedRecord]:
        first = await self._pages.number_holding(self._run.id, pick) if pick else 0
        for number in range(first, self._run.fetched.pages):
            page = await self._pages.get(self._run.id, number)
            if page is None:
                raise RunRefusedError("The fetched pages of this run have expired. Start the sync again")
            for position, record in enumerate(self._numbered(page), start=page.picked_before):
                if position >= pick:
                    yield record

    def _numbered(self, page: StoredPage) -> list[NumberedRecord]:
        records = self._source.records(page.body) if page.picks else []
        place = self._plan.first_place + page.new_before + 1
        numbered = []
        for chosen in page.picks:
            numbered.append(NumberedRecord(record=records[chosen.row], place=place, is_known=chosen.is_known))
            place += not chosen.is_known
        return numbered
