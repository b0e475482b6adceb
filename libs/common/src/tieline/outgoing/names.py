"""Looking names up, in threads of our own.

Event loops look all names of a process up in a handful of threads (uvloop in two), so a few names whose servers hang
would hold up everybody, the connections to Kafka and the database too. Here such a name keeps busy a thread of its own.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from tieline.outgoing.errors import NameUnresolvedError

MOST_AT_ONCE = 256  # threads; all but those of hanging names end within milliseconds

LookUp = Callable[[str], Sequence[tuple[Any, ...]]]
"""Returns what `getaddrinfo` does for a host, or raises OSError or ValueError; may take its time."""


def _ask_the_system(host: str) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


class Names:
    """Looks names up, each once for all who ask meanwhile. Nothing is remembered. Serves any number of event loops."""

    def __init__(self, look_up: LookUp = _ask_the_system, *, most: int = MOST_AT_ONCE) -> None:
        self._look_up = look_up
        self._most = most
        self._under_way: dict[str, Future[list[str]]] = {}
        self._lock = threading.Lock()

    async def addresses(self, host: str) -> list[str]:
        """Return a host's addresses in the system's order, whatever way one is written.

        Raises NameUnresolvedError. Waits as long as the system does: a caller's time-out ends the waiting, and not the
        look-up.
        """
        written_out = _written_out(host)
        if written_out:
            return written_out
        return await asyncio.shield(asyncio.wrap_future(self._looking(host)))

    def _looking(self, host: str) -> "Future[list[str]]":
        with self._lock:
            known = self._under_way.get(host)
            if known is not None:
                return known
            if len(self._under_way) >= self._most:
                raise NameUnresolvedError(host, f"{self._most} names are being looked up already")
            looking: Future[list[str]] = Future()
            # A daemon: a name server that hangs does not keep the process from ending.
            thread = threading.Thread(target=self._look, args=(host, looking), name="look-up", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system gives no more threads
                raise NameUnresolvedError(host, str(error)) from error
            self._under_way[host] = looking
        return looking

    def _look(self, host: str, looking: "Future[list[str]]") -> None:
        found: list[str] = []
        error: NameUnresolvedError | None = None
        try:
            found = _distinct(self._look_up(host))
        except Exception as failed:  # noqa: BLE001 - the end of a thread: whatever it was, somebody waits to hear of it
            error = NameUnresolvedError(host, str(failed) or type(failed).__name__)
        with self._lock:
            del self._under_way[host]
        if error is None:
            looking.set_result(found)
        else:
            looking.set_exception(error)


def _distinct(entries: Sequence[tuple[Any, ...]]) -> list[str]:
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _written_out(host: str) -> list[str]:
    """Return the address that `host` is in any of its spellings, nothing for a name; asks nobody."""
    try:
        return _distinct(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
    except (OSError, ValueError):
        return []
