"""What can go wrong around a local stack, each with the facts that a person needs.

* CliError
  - PortInUseError
  - ProgramMissingError
  - ProgramStoppedError
  - NotReadyError
  - AlreadyRunningError
  - NotRunningError
  - KeysNotRotatedError
  - TopicsNotRebuiltError
  - StepFailedError
"""

from collections.abc import Mapping, Sequence
from pathlib import Path


class CliError(Exception):
    """Shown to the person as `error: …`; the command exits with 1."""


class PortInUseError(CliError):
    """Ports that the stack needs are taken; `holders` says by whom, where that can be known."""

    def __init__(self, taken: Mapping[str, int], holders: Mapping[int, str]) -> None:
        lines = [
            f"  {port} (for {name}) is held by {holders.get(port, 'a program that cannot be named from here')}"
            for name, port in taken.items()
        ]
        super().__init__(
            "these ports are in use:\n" + "\n".join(lines) + "\nStop that program, or choose others with --port-base."
        )
        self.taken, self.holders = dict(taken), dict(holders)


class ProgramMissingError(CliError):
    """A program that the stack starts is not installed."""

    def __init__(self, program: str, *, looked_for: str, remedy: str) -> None:
        super().__init__(f"{program} is missing: {looked_for} was not found. {remedy}")
        self.program = program


class ProgramStoppedError(CliError):
    """A program of the stack ended by itself."""

    def __init__(self, program: str, *, code: int, when: str, last_lines: Sequence[str], log: Path) -> None:
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        shown = "".join(f"\n    {line}" for line in last_lines) or "\n    (it wrote nothing)"
        super().__init__(f"{program} stopped with {how} {when}. Its last lines:{shown}\n  The whole log: {log}")
        self.program, self.code = program, code


class NotReadyError(CliError):
    """Something did not become ready in time."""

    def __init__(self, missing: Mapping[str, str], *, seconds: float) -> None:
        lines = [f"  {name}: {reason}" for name, reason in missing.items()]
        super().__init__(f"not ready after {seconds:.0f} s:\n" + "\n".join(lines))
        self.missing = dict(missing)


class AlreadyRunningError(CliError):
    """Another supervisor holds this data folder."""


class NotRunningError(CliError):
    """There is no stack in this data folder."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"no stack is running in {data_dir}; `tieline up` starts one")


class KeysNotRotatedError(CliError):
    """The registry refused to rotate, or could not re-wrap every data key."""


class TopicsNotRebuiltError(CliError):
    """The registry or Kafka stayed away; what was published until then stays published."""


class StepFailedError(CliError):
    """A step of the demo did not show what it must show."""
