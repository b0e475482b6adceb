"""What a stand-in accepted, newest last, for tests and people to read back."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.datastructures import Headers

from tieline_simulators.bodies import parsed

MAX_REQUESTS = 10_000
MAX_BYTES = 64 * 1024 * 1024  # of bodies; 10,000 requests of the largest body allowed would be 40 GiB


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One accepted request. Header names are in lower case; `raw` is the body as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    raw: bytes
    at: float
    """Unix seconds."""

    @property
    def body(self) -> object:
        """The body as JSON, as a dictionary of form fields, else as text; None when there was none."""
        return parsed(self.raw, Headers(self.headers))

    def as_json(self) -> dict[str, object]:
        """Return the shape that `GET /_received` shows."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": self.body,
            "received_at": self.at,
        }


class ReceivedLog:
    """The newest 10,000 accepted requests, or fewer when their bodies are large."""

    def __init__(self, *, max_requests: int = MAX_REQUESTS, max_bytes: int = MAX_BYTES) -> None:
        self._requests: deque[ReceivedRequest] = deque()
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[ReceivedRequest]:
        return iter(tuple(self._requests))

    def add(self, request: ReceivedRequest) -> None:
        """Keep a request, forgetting the oldest where there is no room."""
        self._requests.append(request)
        self._bytes += len(request.raw)
        while len(self._requests) > self._max_requests or (self._bytes > self._max_bytes and len(self._requests) > 1):
            self._bytes -= len(self._requests.popleft().raw)

    def clear(self) -> None:
        """Forget everything."""
        self._requests.clear()
        self._bytes = 0
