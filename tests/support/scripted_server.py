"""A provider of a test's own: answers as scripted, and remembers what it was sent."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Received:
    """One request. `path` is still percent-encoded; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return json.loads(self.raw)


Answering = Callable[[Received], Response]


@dataclass
class ScriptedServer:
    """An ASGI app. `answers` are used up in order; then `always` answers."""

    always: Answering = lambda _received: JSONResponse({})
    answers: deque[Response] = field(default_factory=deque)
    received: list[Received] = field(default_factory=list)

    def clear(self) -> None:
        """Forget the script and what was received."""
        self.always = lambda _received: JSONResponse({})
        self.answers.clear()
        self.received.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        received = Received(
            request.method,
            scope["raw_path"].decode(),
            scope["query_string"].decode(),
            dict(request.headers),
            await request.body(),
        )
        self.received.append(received)
        answer = self.answers.popleft() if self.answers else self.always(received)
        await answer(scope, receive, send)
