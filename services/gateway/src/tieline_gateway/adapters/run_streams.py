"""A run's events as a stream of frames for one client: earlier ones from the topic, then live ones from the feed."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tieline.contracts.integrations import Integration, LastSync
from tieline.contracts.sync import RunAttached, RunCompleted, RunFailed, RunProgress
from tieline.errors import TransientError

from tieline_gateway.adapters.run_feed import Entry, RunFeed
from tieline_gateway.adapters.run_tail import RunTail
from tieline_gateway.domain.run_frames import HEARTBEAT, OPENING, complete_frame, failed_frame, progress_frame
from tieline_gateway.domain.run_places import Place, RunOver

HEARTBEAT_EVERY = timedelta(seconds=15)
MOST_RENDERED = 256
END = 2**63 - 1
RENDER_ATTEMPTS = 10
RENDER_WAIT = timedelta(seconds=1)

FindIntegration = Callable[[str, str], Awaitable[Integration | None]]
Render = Callable[[Integration], Mapping[str, Any]]

log = logging.getLogger(__name__)


class RunStreams:
    """Streams of runs. One tail of the topic serves all clients of this process; each frame is encoded once."""

    def __init__(
        self,
        tail: RunTail,
        *,
        find_integration: FindIntegration,
        render: Render,
        heartbeat_every: timedelta = HEARTBEAT_EVERY,
    ) -> None:
        self._tail = tail
        self._find_integration = find_integration
        self._render = render
        self._heartbeat_every = heartbeat_every
        self._rendering: OrderedDict[str, asyncio.Task[bytes]] = OrderedDict()

    @property
    def ready(self) -> bool:
        """Tell whether events are being read."""
        return self._tail.ready.is_set()

    async def place_after(self, frame_id: str, *, workspace_id: str, integration_id: str) -> Place | RunOver | None:
        """Return the place after a frame, RunOver if it was the run's last.

        None when it is no frame of this integration, or too old. Raises KafkaUnavailableError.
        """
        partition, _, offset = frame_id.partition("-")
        if not (partition.isdecimal() and offset.isdecimal() and len(frame_id) <= 32):
            return None
        entry = await self._tail.entry_at(int(partition), int(offset))
        if entry is None or (entry.event.workspace_id, entry.event.integration_id) != (workspace_id, integration_id):
            return None
        if entry.is_last:
            return RunOver()
        return Place(
            workspace_id=workspace_id,
            integration_id=integration_id,
            run_id=entry.event.run_id,
            partition=entry.partition,
            offset=entry.offset + 1,
            sequence=entry.event.sequence,
        )

    async def stream(
        self, place: Place, *, start: Callable[[], Awaitable[object]] | None = None
    ) -> AsyncIterator[bytes]:
        """Yield the frames of a run from `place` on, until its last event or until this process stops.

        `start`, if given, is awaited once the run is being followed, so that no event of it is missed. If the run that
        is asked for turns out to be attached to another, that one's frames follow, from its first.
        """
        yield OPENING
        try:
            async for chunk in self._chunks(place, start):
                yield chunk
        except TransientError as error:
            # The client sees the stream end without the last event, and comes back for the rest.
            log.warning("a stream ended early", extra={"run": place.run_id, "reason": str(error)})

    async def _chunks(self, place: Place, start: Callable[[], Awaitable[object]] | None) -> AsyncIterator[bytes]:
        with ExitStack() as following:
            while True:
                feed = following.enter_context(self._tail.follow(place.run_id))
                if start is not None:
                    await start()
                    start = None
                attached: Entry | None = None
                async for entries in self._bursts(feed, place):
                    burst = _unseen(entries, place)
                    place = replace(place, sequence=burst[-1].event.sequence) if burst else place
                    attached = next((entry for entry in burst if isinstance(entry.event, RunAttached)), None)
                    if attached is not None:
                        break
                    chunk = b"".join([await self._frame(entry) for entry in burst]) if entries else HEARTBEAT
                    if chunk:
                        yield chunk
                    if burst and burst[-1].is_last:
                        return
                if attached is None:
                    return
                place = _attached_place(place, attached)

    async def started(self, place: Place, *, start: Callable[[], Awaitable[object]], within: timedelta) -> str:
        """Await `start` and return the id of the run that came of it, or that it was attached to.

        Raises TimeoutError, and what `start` raises.
        """
        async with asyncio.timeout(within.total_seconds()):
            with self._tail.follow(place.run_id) as feed:
                await start()
                async for entries in self._bursts(feed, place):
                    for entry in _unseen(entries, place):
                        event = entry.event
                        return event.attached_to if isinstance(event, RunAttached) else event.run_id
        raise TimeoutError

    async def _bursts(self, feed: RunFeed, place: Place) -> AsyncIterator[list[Entry]]:
        """Yield entries as they come; an empty list when it is time for a heartbeat."""
        offset, partition = place.offset, place.partition
        while partition is not None and offset < feed.covered_from(partition):
            entries, offset = await self._earlier(feed, place.run_id, partition, offset)
            if entries:
                yield entries
        if place.is_over:
            async for entries in self._rest(feed, place, offset):
                yield entries
            return
        while not feed.ended:
            if partition is not None and offset < feed.covered_from(partition):
                log.info("a client fell behind its run and is dropped", extra={"run": place.run_id})
                return
            entries = feed.since(offset)
            if not entries:
                await feed.wait(self._heartbeat_every)
                entries = feed.since(offset)
            if entries:
                partition, offset = entries[-1].partition, entries[-1].offset + 1
            yield entries

    async def _earlier(self, feed: RunFeed, run_id: str, partition: int, offset: int) -> tuple[list[Entry], int]:
        async with feed.filling:  # clients that come together read the topic once
            end = feed.covered_from(partition)
            if offset >= end:
                return [], offset
            entries, reached = await self._tail.read(partition, offset, end, run_id=run_id)
            if reached >= end:
                feed.prepend(entries, partition, offset)
            return entries, reached

    async def _rest(self, feed: RunFeed, place: Place, offset: int) -> AsyncIterator[list[Entry]]:
        """Yield what is left of a run whose last event is in the topic, if it is still kept.

        That event may be in the window, where somebody follows the run since before its end, and the tail may not have
        come to it yet.
        """
        entries = feed.since(offset)
        while entries:
            yield entries
            offset = entries[-1].offset + 1
            entries = feed.since(offset)
        if place.partition is not None:
            entries, _ = await self._tail.read(place.partition, offset, END, run_id=place.run_id)
            if entries:
                yield entries

    async def _frame(self, entry: Entry) -> bytes:
        if entry.frame is None:
            entry.frame = await self._encoded(entry)
        return entry.frame

    async def _encoded(self, entry: Entry) -> bytes:
        match entry.event:
            case RunProgress() as event:
                return progress_frame(event, entry.id)
            case RunFailed() as event:
                return failed_frame(event, entry.id)
            case RunCompleted() as event:
                return await self._completed(event, entry.id)
            case _:
                return b""

    async def _completed(self, event: RunCompleted, frame_id: str) -> bytes:
        """Return the `complete` frame; clients that want it at the same time share one question to the registry."""
        rendering = self._rendering.get(frame_id)
        if rendering is None or (rendering.done() and (rendering.cancelled() or rendering.exception())):
            rendering = asyncio.create_task(self._rendered(event, frame_id))
            self._rendering[frame_id] = rendering
            if len(self._rendering) > MOST_RENDERED:
                self._rendering.popitem(last=False)
        return await asyncio.shield(rendering)

    async def _rendered(self, event: RunCompleted, frame_id: str) -> bytes:
        attempt = 1
        while True:
            try:
                found = await self._find_integration(event.workspace_id, event.integration_id)
            except TransientError:
                if attempt == RENDER_ATTEMPTS:
                    raise
                attempt += 1
                await asyncio.sleep(RENDER_WAIT.total_seconds())
            else:
                document = None if found is None else dict(self._render(_as_synced(found, event)))
                return complete_frame(event, document, frame_id)


def _unseen(entries: list[Entry], place: Place) -> list[Entry]:
    """Return the events that the client has not got: a resumed run may publish its last one again."""
    unseen: list[Entry] = []
    sequence = place.sequence
    for entry in entries:
        event = entry.event
        is_ours = (event.workspace_id, event.integration_id) == (place.workspace_id, place.integration_id)
        if is_ours and event.sequence > sequence:
            unseen.append(entry)
            sequence = event.sequence
            if entry.is_last or isinstance(event, RunAttached):
                break
    return unseen


def _attached_place(place: Place, entry: Entry) -> Place:
    event = entry.event
    if not isinstance(event, RunAttached):
        raise TypeError(event)
    return replace(place, run_id=event.attached_to, partition=entry.partition, offset=event.from_offset, sequence=-1)


def _as_synced(integration: Integration, event: RunCompleted) -> Integration:
    """Return the integration as this run leaves it: the registry may learn of it a moment later than we do."""
    return integration.model_copy(
        update={
            "last_sync": LastSync(succeeded_at=event.last_synced, status="success", run_id=event.run_id),
            "updated_at": max(integration.updated_at, event.last_synced),
        }
    )
