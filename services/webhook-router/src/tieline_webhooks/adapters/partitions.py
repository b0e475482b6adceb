"""Which partition a key belongs to: murmur2, as the Java client and those after it have it.

Events of one subject must be ordered whoever emits them, so every producer has to choose the same partition. Written
out here because aiokafka's takes many times as long, which the hot path would feel: keys begin with the id of a
workspace, and how far that brings the hash is remembered.
"""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct

_HEAD = 36  # bytes of a workspace id; a multiple of the 4 that are hashed at a time
_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=16_384)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of `key` among `partitions`. About 3 µs, and next to nothing for a key that comes again."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 hash with Kafka's seed."""
    length = len(data)
    if length < _HEAD:
        hashed = _mixed_in(_SEED ^ length, data, 0)
    else:
        hashed = _mixed_in(_after_head(data[:_HEAD], length), data, _HEAD)
    if length & 3:
        hashed = ((hashed ^ int.from_bytes(data[length & ~3 :], "little")) * _M) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * _M) & _MASK
    return hashed ^ (hashed >> 15)


def _mixed_in(hashed: int, data: bytes, start: int) -> int:
    """Return the hash with the whole words from `start` on mixed in.

    The algorithm cuts every product to 32 bits; cutting their XOR once gives the same.
    """
    for word in _words((len(data) - start) >> 2)(data, start):
        mixed = word * _M & _MASK
        hashed = (hashed * _M ^ (mixed ^ mixed >> 24) * _M) & _MASK
    return hashed


@lru_cache(maxsize=4_096)
def _after_head(head: bytes, length: int) -> int:
    return _mixed_in(_SEED ^ length, head, 0)


@lru_cache(maxsize=1_024)
def _words(count: int) -> Callable[[bytes, int], tuple[int, ...]]:
    return Struct(f"<{count}I").unpack_from
