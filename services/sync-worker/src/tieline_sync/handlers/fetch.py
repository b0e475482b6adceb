"""The fetch: pages of the provider are stored as they came, with a note of which rows have to be saved."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tieline.clock import Clock

from tieline_sync.domain.records import Pick, Record
from tieline_sync.domain.revisions import Head, Lineage
from tieline_sync.domain.runs import Run
from tieline_sync.handlers.run_in_hand import RunInHand
from tieline_sync.ports import FetchedPage, RawPages, RecordStore, Source, StoredPage


class Fetch:
    """Reads a source to its end. Resumed after a crash, it goes on after the last page that was stored."""

    def __init__(self, *, records: RecordStore, pages: RawPages, clock: Clock, keep_pages: timedelta) -> None:
        self._records = records
        self._pages = pages
        self._clock = clock
        self._keep_pages = keep_pages

    async def __call__(
        self, hand: RunInHand, source: Source, *, dataset_id: str, parent: Lineage, is_empty: bool
    ) -> None:
        """Fetch until there is nothing more; one page in memory at a time.

        `is_empty` says that the dataset has no records at all, so there is nothing to compare with. Raises
        LeaseLostError, CancelledError, and what `Source.fetch` and the stores raise.
        """
        while hand.run.fetched.finished_at is None:
            page = await source.fetch(hand.run.fetched.cursor or {})
            latest = {record.id: (row, record) for row, record in page.fresh}
            heads: Mapping[str, Head] = {} if is_empty else await self._records.heads(dataset_id, list(latest))
            picks = [
                Pick(row, record.id in heads)
                for row, record in latest.values()
                if _has_changed(record, heads.get(record.id), parent)
            ]
            await self._store(hand, page, picks)
            hand.check_cancelled()

    async def _store(self, hand: RunInHand, page: FetchedPage, picks: list[Pick]) -> None:
        run, now = hand.run, self._clock()
        # The page before the checkpoint: a crash in between fetches the page again and replaces it.
        await self._pages.put(
            run,
            StoredPage(
                run_id=run.id,
                number=run.fetched.pages,
                body=page.body,
                picks=picks,
                picked_before=run.fetched.picked,
                new_before=run.fetched.new,
                rows=page.rows,
                fetched_at=now,
                expires_at=now + self._keep_pages,
            ),
        )
        await hand.save(_with_page(run, page, picks, now_if_last=None if page.next else now), progressed=True)


def _has_changed(record: Record, head: Head | None, parent: Lineage) -> bool:
    shown = head.shown_by(parent) if head else None
    return shown is None or shown.content_hash != record.content_hash()


def _with_page(run: Run, page: FetchedPage, picks: list[Pick], *, now_if_last: datetime | None) -> Run:
    fetched = replace(
        run.fetched,
        pages=run.fetched.pages + 1,
        rows=run.fetched.rows + page.rows,
        picked=run.fetched.picked + len(picks),
        new=run.fetched.new + sum(not pick.is_known for pick in picks),
        cursor=page.next or page.resume,
        finished_at=now_if_last,
    )
    return replace(run, fetched=fetched)
