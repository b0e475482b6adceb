"""A collector of traces: takes OTLP over HTTP, keeps the spans, finds ways through them."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.trace import SpanKind

_OWN_KINDS = {
    WireSpan.SPAN_KIND_INTERNAL: SpanKind.INTERNAL,
    WireSpan.SPAN_KIND_SERVER: SpanKind.SERVER,
    WireSpan.SPAN_KIND_CLIENT: SpanKind.CLIENT,
    WireSpan.SPAN_KIND_PRODUCER: SpanKind.PRODUCER,
    WireSpan.SPAN_KIND_CONSUMER: SpanKind.CONSUMER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span as it was exported. Ids are hex; `parent_id` is empty for a root."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: SpanKind
    attributes: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.service.removeprefix('tieline-')}: {self.kind.name.lower()} {self.name}"


class Collector:
    """The spans that came."""

    def __init__(self) -> None:
        self.address = ""
        self.requests = 0
        self._spans: list[Span] = []
        self._lock = threading.Lock()

    def take(self, body: bytes) -> None:
        """Keep the spans of one request."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.requests += 1
            for resource in request.resource_spans:
                service = next(
                    each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
                )
                for scope in resource.scope_spans:
                    self._spans += [_span(each, service) for each in scope.spans]

    def all(self) -> list[Span]:
        """Return every span so far."""
        with self._lock:
            return list(self._spans)

    def trace(self, trace_id: str) -> list[Span]:
        """Return the spans of one trace."""
        return [span for span in self.all() if span.trace_id == trace_id]

    def chain(self, leaf: Span) -> list[str]:
        """Return the way to `leaf` from the first span whose parent is not here, each as `service: kind name`.

        That is the root of the trace, or the first span in our house, once all spans between have come: a span comes
        when it has ended, and processes send at times of their own, so a leaf may be here before those above it.
        """
        by_id = {span.span_id: span for span in self.trace(leaf.trace_id)}
        way: list[str] = []
        at: Span | None = leaf
        while at is not None:
            way.append(str(at))
            at = by_id.get(at.parent_id)
        return way[::-1]

    def chains(self, trace_id: str) -> list[list[str]]:
        """Return the way to every span of a trace."""
        return [self.chain(span) for span in self.trace(trace_id)]


def _span(wire: WireSpan, service: str) -> Span:
    return Span(
        trace_id=wire.trace_id.hex(),
        span_id=wire.span_id.hex(),
        parent_id=wire.parent_span_id.hex(),
        service=service,
        name=wire.name,
        kind=_OWN_KINDS[wire.kind],
        attributes={each.key: each.value.string_value or str(each.value.int_value) for each in wire.attributes},
    )


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port of loopback."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_request(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
