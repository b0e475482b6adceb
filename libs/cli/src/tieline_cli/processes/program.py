"""What one child process is: how it is started, when it is ready, how it is stopped."""

import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

LOOPBACK = "127.0.0.1"

ReadyCheck = Callable[[], str | None]
"""Return None when ready, else what is missing, in a few words. Answers within a second or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One child process to be.

    `noise` are lines of its log that mean nothing and are not shown. `on_parent_death` is the signal the kernel sends
    when the supervisor dies without stopping its children (Linux): programs that save on SIGTERM ask for that one.
    """

    name: str
    argv: tuple[str, ...]
    ports: Mapping[str, int]
    ready: ReadyCheck
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    working_directory: Path | None = None
    grace: timedelta = timedelta(seconds=10)
    on_parent_death: signal.Signals = signal.SIGKILL
    noise: re.Pattern[str] | None = None
