"""Traces across HTTP, Kafka, MongoDB and outgoing HTTP, in W3C form.

Configured by the standard `OTEL_*` variables alone. Without an exporter nothing is set up: spans are the API's no-ops,
no header is written, and the wrappers return what they were given.
"""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from tieline.observability.exporting import Export

_EXPORTER_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOL_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"

tracer = trace.get_tracer("tieline")

_W3C = TraceContextTextMapPropagator()
_KAFKA: Mapping[str, str | int] = {"messaging.system": "kafka", "messaging.operation.type": "send"}


class UnsampledSpan(NonRecordingSpan):
    """The root of a trace that nobody records. The rest of its ids is made when it is asked for.

    `low` is the half of the trace's id by which it was not sampled.
    """

    def __init__(self, low: int) -> None:
        self._low = low
        self._traceparent = ""

    @property
    def traceparent(self) -> str:
        """What headers carry of it."""
        if not self._traceparent:
            more = random.randbytes(16).hex()
            self._traceparent = f"00-{more[:16]}{self._low:016x}-{more[16:]}-{TraceFlags.RANDOM_TRACE_ID:02x}"
        return self._traceparent

    def get_span_context(self) -> SpanContext:
        """Return its ids: the same ones each time."""
        return get_current_span(context_of({"traceparent": self.traceparent})).get_span_context()


class _State:
    """`export` is set once this process exports."""

    export: "Export | None" = None


_state = _State()

unsampled_here: ContextVar[UnsampledSpan | None] = ContextVar("unsampled_here", default=None)
"""The request being answered, when it is not sampled. Beside the API's context, which takes several times as long to
change: a webhook pays for this each time."""


def current_span() -> Span:
    """Return the span that is under way; an invalid one when there is none."""
    return unsampled_here.get() or get_current_span()


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the standard variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").lower()
    if exporter == "none":
        return False
    return exporter == "otlp" or any(environment.get(name) for name in _EXPORTER_VARIABLES)


def tracing_problems(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return what the standard variables ask for and can't be had, each beginning with the variable to change."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return []
    found = []
    if environment.get("OTEL_TRACES_EXPORTER", "").lower() not in {"", "otlp", "none"}:
        found.append("OTEL_TRACES_EXPORTER: traces go by otlp, or to none")
    protocol = next((name for name in _PROTOCOL_VARIABLES if environment.get(name)), None)
    if protocol is not None and environment[protocol].lower() != _PROTOCOL and wanted(environment):
        found.append(f"{protocol}: traces go by {_PROTOCOL}, to port 4318 of most collectors")
    return found


def configure_tracing(service: str) -> None:
    """Export spans by OTLP over HTTP if the environment asks for it; sampling is `OTEL_TRACES_SAMPLER`'s."""
    if wanted():
        # Imported here: a process that exports nothing need not load the SDK.
        from tieline.observability.exporting import Export  # noqa: PLC0415

        _state.export = Export(service)


def tracing() -> bool:
    """Tell whether this process exports traces; hot paths ask before they do anything for a trace."""
    return _state.export is not None


def flush_traces() -> None:
    """Send the spans that still wait for their batch; a process calls this before it ends. Takes 5 s at most."""
    if _state.export is not None:
        _state.export.flush(milliseconds=5_000)


def with_trace_headers(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return `headers` of a Kafka record with the current trace's `traceparent`, unless they carry one."""
    carrier = trace_headers()
    if not carrier:
        return headers
    present = {name for name, _ in headers}
    return headers + [(name, value.encode()) for name, value in carrier.items() if name not in present]


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the current trace over HTTP; empty when there is none."""
    return _headers_of(current_span()) if tracing() else {}


def traceparent() -> str | None:
    """Return the current trace in W3C form, to keep with something that is done later; None when there is none."""
    if _state.export is None:
        return None
    unsampled = unsampled_here.get()
    return unsampled.traceparent if unsampled is not None else _headers_of(current_span()).get("traceparent")


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the trace context that `headers` of a request or record carry; an empty one when they carry none."""
    return _W3C.extract(headers, Context()) if "traceparent" in headers else Context()


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Context | None = None,
    **attributes: str | int,
) -> AbstractContextManager[Span]:
    """Run a block as one span. An exception marks it failed by its class; its text may hold data and is left out."""
    return _span(name, kind, parent, attributes) if tracing() else _NO_SPAN


def unsampled_request() -> UnsampledSpan | None:
    """Begin a trace, with a request that belongs to none, that is not sampled; None when the SDK has to be asked."""
    return _state.export.unsampled_root() if _state.export is not None else None


def server_span(method: str, carried: Mapping[str, str], path: str) -> AbstractContextManager[Span]:
    """Answer a request in a block as one span of the trace that its headers carry; see `unsampled_request` first."""
    attributes = {"http.request.method": method, "url.path": path}
    parent = context_of(carried)
    if carried:
        return _span(method, SpanKind.SERVER, parent, attributes)
    return _Current(tracer.start_span(method, context=parent, kind=SpanKind.SERVER, attributes=attributes))


def client_span(name: str, **attributes: str | int) -> AbstractContextManager[Span]:
    """Run a block that calls another service as one span."""
    return _span(name, SpanKind.CLIENT, None, attributes) if tracing() else _NO_SPAN


def producer_span(topic: str) -> AbstractContextManager[Span]:
    """Run a block that sends records to a topic as one span."""
    return _span(f"send {topic}", SpanKind.PRODUCER, None, _KAFKA) if tracing() else _NO_SPAN


def span_of_kept(name: str, kept: str | None, **attributes: str | int) -> AbstractContextManager[Span]:
    """Run a block as a span of the trace whose `traceparent` was kept with it; of its own trace when none was."""
    if not tracing():
        return _NO_SPAN
    # An empty context otherwise: what runs in the background is no part of whatever happened to wake it.
    parent = context_of({"traceparent": kept}) if kept else Context()
    return _span(name, SpanKind.INTERNAL, parent, attributes)


def _span(
    name: str, kind: SpanKind, parent: Context | None, attributes: Mapping[str, str | int]
) -> AbstractContextManager[Span]:
    before = current_span() if parent is None else get_current_span(parent)
    if _unsampled(before):
        # What follows still has to carry the trace, or whoever gets it would begin one of its own.
        return _NO_SPAN if parent is None else _Current(before)
    if not before.get_span_context().is_valid:
        return _Current(_root(name, kind, attributes))
    return _Current(tracer.start_span(name, context=parent, kind=kind, attributes=_dotted(attributes)))


def _root(name: str, kind: SpanKind, attributes: Mapping[str, str | int]) -> Span:
    """Begin a trace, sampled or not."""
    unsampled = _state.export.unsampled_root() if _state.export is not None else None
    return unsampled or tracer.start_span(name, context=Context(), kind=kind, attributes=_dotted(attributes))


def _dotted(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {key.replace("__", "."): value for key, value in attributes.items()}


def _unsampled(parent: Span) -> bool:
    """Tell whether `parent` belongs to a trace in which nothing is recorded: then nothing is made for what follows.

    The SDK takes 20-40 µs to find out that a span is not wanted, while a webhook's whole way in takes about 150.
    """
    if type(parent) is UnsampledSpan:
        return True
    if _state.export is None or not _state.export.follows_parents:
        return False
    context = parent.get_span_context()
    return context.is_valid and not context.trace_flags.sampled


class _Current:
    """Makes a span the current one while a block runs, and ends it.

    A class and not a generator: it costs a third, and every request, record and call passes here.
    """

    __slots__ = ("_hidden", "_span", "_token")

    def __init__(self, current: Span) -> None:
        self._span = current
        self._token: Token[Context] | None = None
        self._hidden: Token[UnsampledSpan | None] | None = None

    def __enter__(self) -> Span:
        if unsampled_here.get() is not None:  # begun while a request is answered, and no part of it
            self._hidden = unsampled_here.set(None)
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            detach(self._token)
        if self._hidden is not None:
            unsampled_here.reset(self._hidden)
        if error is not None:
            self._span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        self._span.end()


@contextmanager
def spans_of_batch(
    name: str, headers: Sequence[Mapping[str, str]], **attributes: str | int
) -> Iterator[list[dict[str, str]]]:
    """Run a block as one consumer span per record, each in the trace that brought the record.

    Yields for each record the headers that carry its span, for what follows from it alone. What the block does for all
    of them together hangs below the first one's span, which the others link to.
    """
    named = _dotted(attributes)
    spans: list[Span] = []
    for each in headers:
        context = context_of(each)
        before = get_current_span(context)
        if _unsampled(before):
            spans.append(before)
            continue
        links = [Link(spans[0].get_span_context())] if spans else []
        spans.append(tracer.start_span(name, context=context, kind=SpanKind.CONSUMER, attributes=named, links=links))
    try:
        with trace.use_span(spans[0], record_exception=False, set_status_on_exception=False):
            yield [_headers_of(opened) for opened in spans]
    except BaseException as error:
        for opened in spans:
            opened.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        for opened in spans:
            opened.end()


def _headers_of(each: Span) -> dict[str, str]:
    if type(each) is UnsampledSpan:
        return {"traceparent": each.traceparent}
    context = each.get_span_context()
    if not context.is_valid:
        return {}
    carrier = {"traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}
    if context.trace_state:
        carrier["tracestate"] = context.trace_state.to_header()
    return carrier


_NO_SPAN: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)
