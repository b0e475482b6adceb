"""Segments of the spool on disk: framed, checksummed, numbered records, written ahead and read back in order.

A frame is a marker, the record's number, its length, a CRC-32 over number and payload, and the payload. Numbers rise by
one, so that what is missing shows. A frame cut off by a crash is at the very end; it was never acknowledged to anybody
and is cut away when the segment is opened again.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

FRAME: Final = struct.Struct(">4sQII")
MARKER: Final = b"TLW1"
SEGMENT_BYTES: Final = 16_777_216
LONGEST_PAYLOAD: Final = 67_108_864
SUFFIX: Final = ".spool"


@dataclass(frozen=True, slots=True)
class Frame:
    """One record as read back. `end` is the offset in its segment just behind it."""

    number: int
    payload: bytes
    end: int


def frame(number: int, payload: bytes) -> bytes:
    """Return a record as it stands in a segment."""
    return FRAME.pack(MARKER, number, len(payload), _checksum(number, payload)) + payload


def segment_path(folder: Path, first: int) -> Path:
    """Return where the segment that begins with record `first` is."""
    return folder / f"{first:020d}{SUFFIX}"


def segments(folder: Path) -> list[Path]:
    """Return the segments in order."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def first_number(segment: Path) -> int:
    """Return the number of the first record of a segment."""
    return int(segment.stem)


def frames(source: BinaryIO, start: int = 0) -> Iterator[Frame]:
    """Yield the records from offset `start` up to the end, or to the first that is torn or damaged."""
    source.seek(start)
    at = start
    while len(head := source.read(FRAME.size)) == FRAME.size:
        marker, number, length, checksum = FRAME.unpack(head)
        if marker != MARKER or length > LONGEST_PAYLOAD:
            return
        payload = source.read(length)
        if len(payload) != length or _checksum(number, payload) != checksum:
            return
        at += FRAME.size + length
        yield Frame(number, payload, at)


def next_intact(path: Path, start: int) -> int | None:
    """Return the offset of the next record that reads well after damage at `start`; None if there is none."""
    content = path.read_bytes()
    at = content.find(MARKER, start + 1)
    while at >= 0:
        with path.open("rb") as source:
            if next(frames(source, at), None) is not None:
                return at
        at = content.find(MARKER, at + 1)
    return None


def sync_folder(folder: Path) -> None:
    """Make a created, renamed or removed file last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(number.to_bytes(8, "big")))
