"""What the sync endpoints need from outside: runs to start, find and follow."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Protocol

from tieline.contracts.sync import CancelRun, StartRun
from tieline.contracts.sync_reads import RunSummary

from tieline_gateway.domain.run_places import Place, RunOver


class RunCommands(Protocol):
    """The way to the sync worker for commands."""

    async def send(self, command: StartRun | CancelRun) -> None:
        """Append a command. Raises KafkaUnavailableError."""
        ...


class Runs(Protocol):
    """Runs as the sync worker knows them."""

    async def find_run(self, workspace_id: str, integration_id: str, run_id: str | None = None) -> RunSummary | None:
        """Return a run, or None; without an id the one under way, else the latest.

        Raises SyncWorkerUnavailableError.
        """
        ...


class Streams(Protocol):
    """Runs' events as frames."""

    @property
    def ready(self) -> bool:
        """Tell whether events are being read."""
        ...

    async def place_after(self, frame_id: str, *, workspace_id: str, integration_id: str) -> Place | RunOver | None:
        """Return the place after a frame, RunOver if it was the run's last, None when it is unknown."""
        ...

    def stream(self, place: Place, *, start: Callable[[], Awaitable[object]] | None = None) -> AsyncIterator[bytes]:
        """Yield frames from `place` on; `start` is awaited once the run is being followed."""
        ...

    async def started(self, place: Place, *, start: Callable[[], Awaitable[object]], within: timedelta) -> str:
        """Await `start` and return the id of the run that came of it. Raises TimeoutError."""
        ...
