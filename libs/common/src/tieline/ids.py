"""Ids: fresh ones for what a person or a timer starts, derived ones for what follows from it.

Whatever a handler creates takes an id derived from the record that caused it, so that a redelivered record creates the
same thing again instead of a second one.
"""

import uuid

_NAMESPACE = uuid.UUID("5b1f7c0e-7b1c-5d5a-9c53-3f6d1d9a7e10")


def new_id() -> str:
    """Return a fresh random id (UUID version 4)."""
    return str(uuid.uuid4())


def derived_id(*parts: str) -> str:
    """Return the same id for the same `parts`, in order (UUID version 5).

    Each part is prefixed by its length, so `("ab", "c")` and `("a", "bc")` differ.
    """
    return str(uuid.uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))
