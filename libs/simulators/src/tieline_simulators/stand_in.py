"""What all stand-ins share: routing, the received log, faults, configuration.

A stand-in subclasses `StandIn`, lists its routes with `endpoint(...)` and answers each `Call` with a Starlette
response, or raises `Refused` with the vendor's own error. Handlers are plain functions: one call is handled whole
before the next.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.calls import Call, Handler, body_of
from tieline_simulators.endpoints import Endpoint
from tieline_simulators.faults import FaultBook, InvalidFaultError, fault_from_json
from tieline_simulators.limits import Window
from tieline_simulators.received import ReceivedLog

LOOPBACK = "127.0.0.1"


class InvalidConfigurationError(ValueError):
    """A setting given to a stand-in is unknown or of the wrong form."""


class StandIn(ABC):
    """One vendor. `clock` gives Unix seconds."""

    name: ClassVar[str]
    settings: ClassVar[frozenset[str]] = frozenset({"tokens"})
    """The keys that `configure` takes besides `limit`."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.received = ReceivedLog()
        self.faults = FaultBook()
        self.tokens: frozenset[str] | None = None
        """Accepted credentials; None accepts any that is not empty."""
        self.limit: Window | None = None
        """How many calls a channel may get, or all together where there are no channels; None for any number."""

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Return the vendor's paths, made with `endpoint`."""

    def control_routes(self) -> Sequence[Route]:
        """Return further paths for tests."""
        return ()

    @abstractmethod
    def failure(self, status: int) -> Response:
        """Return the vendor's way of saying that it failed or refused, with this status."""

    @abstractmethod
    def rate_limited(self, retry_after: float) -> Response:
        """Return the vendor's documented 429 (seconds)."""

    def cut_short(self, answer: Response) -> Response:
        """Return an answer that ends too early without the connection breaking: half of its bytes."""
        return Response(bytes(answer.body)[: len(answer.body) // 2], answer.status_code, media_type=answer.media_type)

    def unknown_path(self, status: int) -> Response:
        """Return the answer to a path or method that the vendor does not have (404 or 405)."""
        return self.failure(status)

    def channel_of(self, call: Call) -> str | None:
        """Return what a fault's `channel` is compared with."""
        del call
        return None

    def shown(self) -> Iterable[object]:
        """Return what people see in the vendor's channels now, after edits and de-duplication; oldest first."""
        return ()

    def configure(self, settings: Mapping[str, object]) -> None:
        """Change settings; those not named stay. Raises InvalidConfigurationError, then nothing has changed."""
        unknown = set(settings) - self.settings - {"limit"}
        if unknown:
            raise InvalidConfigurationError(f"{self.name} has no settings {sorted(unknown)}")
        self.apply({name: settings[name] for name in settings})

    def apply(self, settings: Mapping[str, object]) -> None:
        """Take over settings whose names are known."""
        if "tokens" in settings:
            self.tokens = strings_or_any(settings["tokens"], "tokens")
        if "limit" in settings:
            self.limit = _window(settings["limit"])

    def knows(self, token: str) -> bool:
        """Say whether a credential is accepted."""
        return bool(token) and (self.tokens is None or token in self.tokens)

    def endpoint(self, path: str, handler: Handler, *methods: str) -> Route:
        """Return a route to a handler, with faults and the received log around it."""
        return Route(path, Endpoint(self, handler), methods=list(methods or ("GET",)))

    def app(self) -> Starlette:
        """Return the ASGI application."""
        control = [
            Route("/_received", self._received, methods=["GET", "DELETE"]),
            Route("/_messages", self._messages, methods=["GET"]),
            Route("/_faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/_config", self._config, methods=["POST"]),
        ]
        return Starlette(
            routes=[*control, *self.control_routes(), *self.routes()],
            exception_handlers={404: self._unknown_path, 405: self._unknown_path},
        )

    async def _unknown_path(self, request: Request, error: Exception) -> Response:
        del request
        return self.unknown_path(error.status_code if isinstance(error, HTTPException) else 404)

    async def _received(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.received.clear()
            return Response(status_code=204)
        return json_answer([entry.as_json() for entry in self.received])

    async def _messages(self, request: Request) -> Response:
        del request
        return json_answer(list(self.shown()))

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
            return Response(status_code=204)
        if request.method == "POST":
            try:
                self.faults.add(fault_from_json(await _json_of(request)))
            except InvalidFaultError as error:
                return json_answer({"error": str(error)}, 400)
        return json_answer([fault.as_json() for fault in self.faults.in_force()])

    async def _config(self, request: Request) -> Response:
        document = await _json_of(request)
        if not isinstance(document, dict):
            return json_answer({"error": "settings are a JSON object"}, 400)
        try:
            self.configure(document)
        except InvalidConfigurationError as error:
            return json_answer({"error": str(error)}, 400)
        return Response(status_code=204)


def strings_or_any(value: object, name: str) -> frozenset[str] | None:
    """Return the set that a setting lists, or None for null. Raises InvalidConfigurationError."""
    if value is None:
        return None
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(item, str) for item in value):
        raise InvalidConfigurationError(f"'{name}' is a list of strings, or null")
    return frozenset(value)


def _window(value: object) -> Window | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"requests", "seconds"}:
        raise InvalidConfigurationError('\'limit\' is {"requests": …, "seconds": …}, or null')
    requests, seconds = value["requests"], value["seconds"]
    if not isinstance(requests, int) or requests < 1 or not isinstance(seconds, int | float) or seconds <= 0:
        raise InvalidConfigurationError("'limit' has a whole number of requests and a number of seconds, both positive")
    return Window(requests=requests, seconds=seconds)


async def _json_of(request: Request) -> object:
    try:
        return orjson.loads(await body_of(request) or b"null")
    except orjson.JSONDecodeError:
        return None
