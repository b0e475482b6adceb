"""One entry of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """A kind of event: its dotted type, when it is sent, and a body that makes one."""

    type: str
    when: str
    example: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
