"""A record: one thing pulled from a provider, as it was when it was pulled."""

from dataclasses import dataclass
from hashlib import blake2b

import orjson
from tieline.contracts.base import JsonObject

HASH_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`id` names it at the provider for ever, `label` is what people call it (INC0010001)."""

    id: str
    label: str
    data: JsonObject

    def content_hash(self) -> bytes:
        """Return 16 bytes that are equal when label and data are equal, whatever the order of keys."""
        encoded = orjson.dumps([self.label, self.data], option=orjson.OPT_SORT_KEYS)
        return blake2b(encoded, digest_size=HASH_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Pick:
    """A row of a fetched page that has to be saved. `is_known` says that something was saved under its id before."""

    row: int
    is_known: bool


def batch_count(records: int, batch_size: int) -> int:
    """Return how many batches `records` make."""
    return -(-records // batch_size)
