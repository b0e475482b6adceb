"""Lanes: a destination's deliveries are sent by one replica at a time, which holds a lease on the destination."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A destination held until an instant. `token` is new with every taking; what is written carries it (fencing)."""

    destination: str
    token: str
    until: datetime
