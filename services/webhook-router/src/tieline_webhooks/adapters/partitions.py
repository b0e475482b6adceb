"""Which partition a key belongs to: murmur2, as the Java client and those after it have it.

Events of one subject must be ordered whoever emits them, so every producer has to choose the same partition. Written
out here because aiokafka's takes three times as long, which the hot path would feel.
"""

from struct import unpack_from

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of `key` among `partitions`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 hash with Kafka's seed."""
    length = len(data)
    words = length >> 2
    hashed = _SEED ^ length
    for word in unpack_from(f"<{words}I", data):
        mixed = (word * _M) & _MASK
        hashed = ((hashed * _M) & _MASK) ^ (((mixed ^ (mixed >> 24)) * _M) & _MASK)
    if length & 3:
        hashed = ((hashed ^ int.from_bytes(data[words << 2 :], "little")) * _M) & _MASK
    hashed = ((hashed ^ (hashed >> 13)) * _M) & _MASK
    return hashed ^ (hashed >> 15)
