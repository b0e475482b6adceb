"""The ingest: batch by batch, records are saved, then the checkpoint, then progress is published."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace

from tieline.clock import Clock
from tieline.errors import PermanentError

from tieline_sync.domain import run_events
from tieline_sync.domain.revisions import Revising
from tieline_sync.domain.run_events import RunAnyEvent
from tieline_sync.domain.runs import Ingested, Plan, Wording
from tieline_sync.handlers.metrics import RECORDS
from tieline_sync.handlers.picked_records import PickedRecords
from tieline_sync.handlers.run_in_hand import RunInHand
from tieline_sync.ports import Events, NumberedRecord, RecordStore


class Ingest:
    """Saves what was fetched. Resumed after a crash, it publishes its last event again and goes on after it."""

    def __init__(self, *, records: RecordStore, events: Events, clock: Clock) -> None:
        self._records = records
        self._events = events
        self._clock = clock

    async def __call__(
        self,
        hand: RunInHand,
        wording: Wording,
        plan: Plan,
        picked: PickedRecords,
        *,
        dataset_id: str,
        writing: Revising,
    ) -> Ingested:
        """Save all batches that are left and return the last checkpoint.

        An event is acknowledged before the checkpoint after the next batch is stored, so at most the last one is
        missing after a crash. Raises LeaseLostError, CancelledError, and what the stores and the topic raise.
        """
        announcer = _Announcer(self._events)
        done = hand.run.ingested or Ingested(at=hand.run.fetched.finished_at or self._clock())
        try:
            if done.batch == 0:
                await announcer.announce(run_events.ingesting(hand.run, wording, plan, done.at))
            async for batch, records in _numbered(picked, max(done.batch, 1)):
                if batch > done.batch:
                    done = await self._saved(hand, done, records, announcer, dataset_id=dataset_id, writing=writing)
                labels = [numbered.record.label for numbered in records]
                await announcer.announce(
                    run_events.batch_processed(hand.run, wording, plan, batch=batch, labels=labels, at=done.at)
                )
                if hand.run.cancelled_by is not None:
                    break
            await announcer.settled()
        except PermanentError:
            await announcer.settled()
            raise
        finally:
            await announcer.abandon()
        hand.check_cancelled()
        return done

    async def _saved(
        self,
        hand: RunInHand,
        done: Ingested,
        records: Sequence[NumberedRecord],
        announcer: "_Announcer",
        *,
        dataset_id: str,
        writing: Revising,
    ) -> Ingested:
        batch = done.batch + 1
        added, updated = await self._records.save_batch(dataset_id, writing, batch=batch, records=records)
        RECORDS.labels("added").inc(added)
        RECORDS.labels("updated").inc(updated)
        await announcer.settled()
        checkpoint = replace(
            done, batch=batch, added=done.added + added, updated=done.updated + updated, at=self._clock()
        )
        await hand.save(replace(hand.run, ingested=checkpoint), progressed=True)
        return checkpoint


async def _numbered(picked: PickedRecords, first: int) -> AsyncIterator[tuple[int, list[NumberedRecord]]]:
    number = first
    async for records in picked.batches(first):
        yield number, records
        number += 1


class _Announcer:
    """Publishes one event while the next batch is being saved."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._sending: asyncio.Task[tuple[int, int]] | None = None

    async def announce(self, event: RunAnyEvent) -> None:
        """Start publishing `event`, after the one before is acknowledged."""
        await self.settled()
        self._sending = asyncio.create_task(self._events.publish(event))

    async def settled(self) -> None:
        """Return when the last event is acknowledged. Raises KafkaUnavailableError."""
        sending, self._sending = self._sending, None
        if sending is not None:
            await sending

    async def abandon(self) -> None:
        """Wait no longer for the last event."""
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await sending
