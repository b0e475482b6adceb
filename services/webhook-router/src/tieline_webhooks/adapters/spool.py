"""The spool: accepted webhooks on the local disk while Kafka is away, in order, until Kafka has them.

`append` returns a future that is done when the record is on the disk; records that arrive while one write is under way
share the next one's fsync. `read` and `advance` take them out in order. How far they were taken is kept in a file of
its own, so a restart repeats at most the batch whose `advance` was interrupted. One process owns a folder (a lock).
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from errno import ENOSPC
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from tieline.errors import ConfigurationError

from tieline_webhooks.adapters.spool_file import (
    FRAME,
    SEGMENT_BYTES,
    Frame,
    first_number,
    frame,
    frames,
    next_intact,
    segment_path,
    segments,
    sync_folder,
)
from tieline_webhooks.domain.errors import SpoolFullError

CURSOR = "taken"
LOCK = "lock"
SET_ASIDE = "set-aside"

log = logging.getLogger(__name__)

T = TypeVar("T")


class SpoolWriteError(SpoolFullError):
    """The disk did not take a record."""


@dataclass(frozen=True, slots=True)
class SpooledRecord:
    """A record as it was appended, with its number."""

    number: int
    payload: bytes


class Spool:
    """A folder of segments. Make it with `open`, once per process; call it from the event loop's thread.

    All disk work is done by one thread, one piece after the other; `_written` and the open segment belong to it.
    """

    def __init__(self, folder: Path, *, max_bytes: int, lock: BinaryIO) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = lock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._taken = _read_cursor(folder)
        self._written = self._taken
        self._bytes = 0
        self._buffered: list[tuple[bytes, asyncio.Future[int]]] = []
        self._buffered_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._segment: BinaryIO | None = None
        self._segment_size = 0
        self._position: tuple[Path, int] | None = None
        self._recover()

    @classmethod
    def open(cls, folder: Path, *, max_bytes: int) -> "Spool":
        """Take the folder, with what an earlier process left in it. Raises ConfigurationError if it can't be had."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / LOCK).open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(f"the spool {folder} belongs to another process that is running") from error
        except OSError as error:
            raise ConfigurationError(f"the spool {folder} cannot be used: {error.strerror}") from error
        return cls(folder, max_bytes=max_bytes, lock=lock)

    @property
    def empty(self) -> bool:
        """Tell whether everything appended was taken out."""
        return self._writing is None and self._taken == self._written

    @property
    def waiting(self) -> int:
        """Return how many records are to be taken out."""
        return self._written - self._taken + len(self._buffered)

    @property
    def bytes_used(self) -> int:
        """Return the room taken on disk, and about to be."""
        return self._bytes + self._buffered_bytes

    def append(self, payload: bytes) -> "asyncio.Future[int]":
        """Return a future of the record's number, done when it is on disk (or SpoolWriteError).

        Raises SpoolFullError; then nothing was appended.
        """
        size = FRAME.size + len(payload)
        if self.bytes_used + size > self._max_bytes:
            raise SpoolFullError(f"the spool holds {self.bytes_used} bytes and may hold {self._max_bytes}")
        stored: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._buffered.append((payload, stored))
        self._buffered_bytes += size
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_buffered())
        return stored

    async def read(self, *, max_records: int, max_bytes: int) -> list[SpooledRecord]:
        """Return the oldest records not taken out, as many as are on disk and fit; they stay until `advance`."""
        return await self._in_thread(lambda: self._read(max_records, max_bytes))

    async def advance(self, number: int) -> None:
        """Forget the records up to `number`."""
        await self._in_thread(lambda: self._store_taken(number))

    async def set_aside(self, payload: bytes) -> None:
        """Keep a record that can't be taken to where it should go, in a file of its own beside the segments."""
        await self._in_thread(lambda: self._write_aside(payload))

    async def close(self) -> None:
        """Finish the write under way and let go of the folder; what is in it stays for the next process."""
        if self._writing is not None:
            await self._writing
        await self._in_thread(self._close_segment)
        self._thread.shutdown()
        self._lock.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _write_buffered(self) -> None:
        while self._buffered:
            batch, self._buffered = self._buffered, []
            size, self._buffered_bytes = self._buffered_bytes, 0
            self._bytes += size
            try:
                first = await self._in_thread(partial(self._write, [payload for payload, _ in batch]))
            except OSError as error:
                self._bytes -= size
                log.error("the spool could not be written", extra={"reason": error.strerror})  # noqa: TRY400 - the reason says it all
                _settle(batch, lambda _, error=error: SpoolWriteError(f"the disk did not take it: {error.strerror}"))  # type: ignore[misc]  # bound now
            else:
                _settle(batch, lambda index, first=first: first + index)  # type: ignore[misc]  # bound now
        self._writing = None

    def _write(self, payloads: Sequence[bytes]) -> int:
        """Append to the current segment, or to a new one when it is large enough, wait for the disk; first number."""
        first = self._written + 1
        content = b"".join(frame(first + index, payload) for index, payload in enumerate(payloads))
        if self._segment is None or self._segment_size >= SEGMENT_BYTES:
            self._close_segment()
            self._segment = segment_path(self._folder, first).open("ab", buffering=0)
            self._segment_size = 0
            sync_folder(self._folder)
        try:
            _write_whole(self._segment, content)
            os.fsync(self._segment.fileno())
        except OSError:
            # What reached the disk is unknown: cut it off, and go on in a new segment.
            os.ftruncate(self._segment.fileno(), self._segment_size)
            self._close_segment()
            raise
        self._segment_size += len(content)
        self._written += len(payloads)
        return first

    def _close_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _read(self, max_records: int, max_bytes: int) -> list[SpooledRecord]:
        found: list[SpooledRecord] = []
        size = 0
        for path in segments(self._folder):
            start = self._position[1] if self._position is not None and self._position[0] == path else 0
            for each in _readable(path, start):
                if each.number <= self._taken:
                    self._position = (path, each.end)
                    continue
                found.append(SpooledRecord(each.number, each.payload))
                size += len(each.payload)
                if len(found) >= max_records or size >= max_bytes:
                    return found
        return found

    def _write_aside(self, payload: bytes) -> None:
        with (self._folder / SET_ASIDE).open("ab") as file:
            file.write(frame(0, payload))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._folder)

    def _store_taken(self, number: int) -> None:
        fresh = self._folder / f"{CURSOR}.new"
        with fresh.open("wb") as cursor:
            cursor.write(b"%d\n" % number)
            cursor.flush()
            os.fsync(cursor.fileno())
        fresh.replace(self._folder / CURSOR)
        sync_folder(self._folder)
        self._taken = number
        self._delete_taken()

    def _delete_taken(self) -> None:
        """Delete the segments whose records were all taken out; the one being written only when nothing is left."""
        paths = segments(self._folder)
        for index, path in enumerate(paths):
            newest = index == len(paths) - 1
            last = self._written if newest else first_number(paths[index + 1]) - 1
            if self._taken < last:
                return
            if newest:
                self._close_segment()
            self._bytes -= path.stat().st_size
            path.unlink()

    def _recover(self) -> None:
        for path in segments(self._folder):
            end = 0
            for each in _readable(path, 0):
                end, self._written = each.end, max(self._written, each.number)
            size = path.stat().st_size
            if end < size:
                log.warning("cut a torn record off the spool", extra={"segment": path.name, "bytes": size - end})
                os.truncate(path, end)
            self._bytes += end
        if not self.empty:
            log.warning("the spool holds records from before", extra={"records": self.waiting})


def _write_whole(segment: BinaryIO, content: bytes) -> None:
    if segment.write(content) != len(content):
        raise OSError(ENOSPC, os.strerror(ENOSPC))


def _readable(path: Path, start: int) -> Iterator[Frame]:
    """Yield the records from offset `start` that read well; damage in between is reported and stepped over."""
    at: int | None = start
    while at is not None:
        end = at
        with path.open("rb") as source:
            for each in frames(source, at):
                end = each.end
                yield each
        at = next_intact(path, end) if end < path.stat().st_size else None
        if at is not None:
            log.error("part of the spool is damaged", extra={"segment": path.name, "from": end, "to": at})


def _read_cursor(folder: Path) -> int:
    try:
        return int((folder / CURSOR).read_bytes())
    except FileNotFoundError:
        return 0
    except ValueError as error:
        raise ConfigurationError(f"the file {folder / CURSOR} is damaged; see the manual on spools") from error


def _settle(batch: "list[tuple[bytes, asyncio.Future[int]]]", result: Callable[[int], int | Exception]) -> None:
    for index, (_, stored) in enumerate(batch):
        if stored.done():
            continue
        outcome = result(index)
        if isinstance(outcome, Exception):
            stored.set_exception(outcome)
        else:
            stored.set_result(outcome)
