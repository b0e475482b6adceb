"""Trouble on request: which calls are hit by which fault, and how often.

Faults that stand in for a vendor that did nothing (`status`, `rate_limit`, `hang`, `reset`, `bad_json`) replace the
answer: the request is not handled and not recorded. Those that stand in for an answer lost or late (`slow`, `truncate`,
`cut_short`, `accept_then_reset`) come after it was handled, so a message *was* posted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, get_args

FaultKind = Literal[
    "status", "rate_limit", "hang", "reset", "bad_json", "slow", "truncate", "cut_short", "accept_then_reset"
]
MAX_FAULTS = 1_000
MAX_SECONDS = 3_600.0


class InvalidFaultError(ValueError):
    """A fault's description cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which calls a fault hits; what is None matches everything. `path` may hold the wildcards `*` and `?`."""

    method: str | None = None
    path: str | None = None
    channel: str | None = None

    def hits(self, *, method: str, path: str, channel: str | None) -> bool:
        """Say whether a call is meant."""
        return (
            (self.method is None or self.method.upper() == method)
            and (self.path is None or fnmatchcase(path, self.path))
            and (self.channel is None or self.channel == channel)
        )


@dataclass(slots=True, kw_only=True)
class Fault:
    """One kind of trouble. `times` calls are hit (0: every call until cleared)."""

    kind: FaultKind
    target: Target = field(default_factory=Target)
    status: int = 503
    retry_after: float = 1.0
    """Seconds, for `rate_limit`."""
    seconds: float = 5.0
    """How long `slow` waits before answering, and `hang` before dropping the connection."""
    times: int = 1
    hits: int = 0

    @property
    def spent(self) -> bool:
        """True once it has hit as often as it was asked to."""
        return bool(self.times) and self.hits >= self.times

    def as_json(self) -> dict[str, object]:
        """Return the shape that `GET /_faults` shows."""
        match = {"method": self.target.method, "path": self.target.path, "channel": self.target.channel}
        return {
            "fault": self.kind,
            "match": {name: value for name, value in match.items() if value is not None},
            "status": self.status,
            "retry_after": self.retry_after,
            "seconds": self.seconds,
            "times": self.times,
            "hits": self.hits,
        }


class FaultBook:
    """The faults in force, oldest first; a call meets the first that hits it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force. Raises InvalidFaultError beyond 1,000."""
        if len(self._faults) >= MAX_FAULTS:
            raise InvalidFaultError(f"{MAX_FAULTS} faults are in force already")
        self._faults.append(fault)

    def clear(self) -> None:
        """End all trouble."""
        self._faults.clear()

    def in_force(self) -> list[Fault]:
        """Return the faults that may still hit."""
        return list(self._faults)

    def take(self, *, method: str, path: str, channel: str | None) -> Fault | None:
        """Return the fault that this call meets, counting the hit."""
        for fault in self._faults:
            if fault.target.hits(method=method, path=path, channel=channel):
                fault.hits += 1
                if fault.spent:
                    self._faults.remove(fault)
                return fault
        return None


def fault_from_json(document: object) -> Fault:
    """Read what `POST /_faults` takes. Raises InvalidFaultError."""
    if not isinstance(document, Mapping):
        raise InvalidFaultError("a fault is a JSON object")
    unknown = set(document) - {"fault", "match", "status", "retry_after", "seconds", "times"}
    if unknown:
        raise InvalidFaultError(f"unknown fields {sorted(unknown)}")
    kind: FaultKind | None = next((each for each in get_args(FaultKind) if each == document.get("fault")), None)
    if kind is None:
        raise InvalidFaultError(f"'fault' must be one of {sorted(get_args(FaultKind))}")
    return Fault(
        kind=kind,
        target=_target(document.get("match", {})),
        status=int(_number(document, "status", 503, low=200, high=599)),
        retry_after=_number(document, "retry_after", 1.0, high=MAX_SECONDS),
        seconds=_number(document, "seconds", 5.0, high=MAX_SECONDS),
        times=int(_number(document, "times", 1, high=1_000_000)),
    )


def _target(document: object) -> Target:
    if not isinstance(document, Mapping) or not all(isinstance(value, str) for value in document.values()):
        raise InvalidFaultError("'match' is an object of strings")
    unknown = set(document) - {"method", "path", "channel"}
    if unknown:
        raise InvalidFaultError(f"unknown fields {sorted(unknown)} in 'match'")
    return Target(method=document.get("method"), path=document.get("path"), channel=document.get("channel"))


def _number(document: Mapping[str, object], name: str, default: float, *, low: float = 0, high: float) -> float:
    value = document.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidFaultError(f"'{name}' must be a number from {low} to {high}")
    return value
