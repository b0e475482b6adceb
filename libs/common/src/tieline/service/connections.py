"""HTTP connections as uvicorn has them, on which a short answer can be written in one piece.

By ASGI an answer's head and body are two messages, which uvicorn writes one after the other: two system calls, two
packets, a client that is woken twice, and each header looked over. Where thousands of answers a second differ in a few
bytes this is a fifth of all the work.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

CLOSE: Final = (b"connection", b"close")

_JSON: Final = (b"content-type", b"application/json")

Headers = Sequence[tuple[bytes, bytes]]

log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """uvicorn's connection, sparing a copy of most bodies."""

    def on_body(self, body: bytes) -> None:
        """Take part of a body; the first part, which mostly is all of it, without copying it twice."""
        cycle = self.cycle
        if not (cycle.body or len(body) > HIGH_WATER_LIMIT or cycle.response_complete or self.parser.should_upgrade()):
            cycle.body = body  # type: ignore[assignment]  # uvicorn reads it, and adds to it only here
            cycle.message_event.set()
            return
        if type(cycle.body) is not bytearray:
            cycle.body = bytearray(cycle.body)
        super().on_body(body)


def whole_body(receive: Receive) -> bytes | None:
    """Return a request's body if all of it is there already, as short ones are; otherwise it has to be received.

    Not to be called twice, nor together with `receive`.
    """
    cycle = _cycle_of(receive)
    return None if cycle is None or cycle.more_body or cycle.disconnected else bytes(cycle.body)


async def answer_json(scope: Scope, send: Send, status: int, body: bytes, more: Headers = ()) -> None:
    """Answer a request with JSON, and `more` headers. A client that is gone gets nothing, which is no error."""
    if not more and _answer_at_once(send, status, body):
        return
    headers = [_JSON, (b"content-length", b"%d" % len(body)), *more]
    with suppress(RuntimeError):  # what uvloop says to a write when the client has just hung up
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _answer_at_once(send: Send, status: int, body: bytes) -> bool:
    """Answer a request with JSON if uvicorn would do no more than write it; False leaves it to `answer_json`."""
    cycle = _cycle_of(send)
    if cycle is None or not _only_to_be_written(cycle):
        return False
    try:
        _write(cycle, status, body)
    except RuntimeError:
        log.debug("a client hung up before it was answered")
    return True


def _cycle_of(channel: Receive | Send) -> RequestResponseCycle | None:
    """Return what uvicorn knows of a request; None when its messages pass something else, which wants to see them."""
    owner = getattr(channel, "__self__", None)
    return owner if type(owner) is RequestResponseCycle else None


def _only_to_be_written(cycle: RequestResponseCycle) -> bool:
    """Tell whether the connection is there, stays, and takes more; then nothing else is left to be done by uvicorn."""
    return (
        cycle.keep_alive
        and CLOSE not in cycle.default_headers
        and not cycle.disconnected
        and not cycle.response_started
        and not cycle.access_log
        and not cycle.flow.write_paused
        and cycle.scope["method"] != "HEAD"
    )


def _write(cycle: RequestResponseCycle, status: int, body: bytes) -> None:
    """Do what `RequestResponseCycle.send` does for the two messages of such an answer."""
    cycle.response_started = cycle.response_complete = True
    head = _head(status, tuple(cycle.default_headers))
    cycle.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
    cycle.message_event.set()
    cycle.on_response()


@lru_cache(maxsize=64)
def _head(status: int, default_headers: Headers) -> bytes:
    """Return the head of an answer up to its length; the date among the default headers changes once a second."""
    lines = [b"%b: %b\r\n" % header for header in (*default_headers, _JSON)]
    return STATUS_LINE[status] + b"".join(lines)
