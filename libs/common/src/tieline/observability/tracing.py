"""Traces across HTTP, Kafka, MongoDB and outgoing HTTP, in W3C form.

Configured by the standard `OTEL_*` variables alone. Without an exporter nothing is set up: spans are the API's no-ops,
no header is written, and the wrappers return what they were given.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

_EXPORTER_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

tracer = trace.get_tracer("tieline")

_KAFKA: Mapping[str, str | int] = {"messaging.system": "kafka", "messaging.operation.type": "send"}


class _State:
    """`flush` sends what waits; set once this process exports."""

    flush: Callable[[int], bool] | None = None


_state = _State()


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the standard variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").lower()
    if exporter == "none":
        return False
    return exporter == "otlp" or any(environment.get(name) for name in _EXPORTER_VARIABLES)


def configure_tracing(service: str) -> None:
    """Export spans by OTLP over HTTP if the environment asks for it; sampling is `OTEL_TRACES_SAMPLER`'s."""
    if not wanted():
        return
    # Imported here: a process that exports nothing need not load the SDK.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    name = os.environ.get("OTEL_SERVICE_NAME", f"tieline-{service}")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _state.flush = provider.force_flush


def tracing() -> bool:
    """Tell whether this process exports traces; hot paths ask before they do anything for a trace."""
    return _state.flush is not None


def flush_traces() -> None:
    """Send the spans that still wait for their batch; a process calls this before it ends. Takes 5 s at most."""
    if _state.flush is not None:
        _state.flush(5_000)


def with_trace_headers(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return `headers` of a Kafka record with the current trace's `traceparent`, unless they carry one."""
    carrier = trace_headers()
    if not carrier:
        return headers
    present = {name for name, _ in headers}
    return headers + [(name, value.encode()) for name, value in carrier.items() if name not in present]


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the current trace over HTTP; empty when there is none."""
    carrier: dict[str, str] = {}
    if tracing():
        propagate.inject(carrier)
    return carrier


def traceparent() -> str | None:
    """Return the current trace in W3C form, to keep with something that is done later; None when there is none."""
    return trace_headers().get("traceparent")


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the trace context that `headers` of a request or record carry."""
    return propagate.extract(headers)


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Context | None = None,
    **attributes: str | int,
) -> AbstractContextManager[Span]:
    """Run a block as one span. An exception marks it failed by its class; its text may hold data and is left out."""
    return _span(name, kind, parent, attributes) if tracing() else _NO_SPAN


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


@contextmanager
def _span(name: str, kind: SpanKind, parent: Context | None, attributes: Mapping[str, str | int]) -> Iterator[Span]:
    with tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


@contextmanager
def spans_of_batch(
    name: str, headers: Sequence[Mapping[str, str]], **attributes: str | int
) -> Iterator[list[dict[str, str]]]:
    """Run a block as one consumer span per record, each in the trace that brought the record.

    Yields for each record the headers that carry its span, for what follows from it alone. What the block does for all
    of them together hangs below the first one's span, which the others link to.
    """
    spans: list[Span] = []
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    for each in headers:
        links = [Link(spans[0].get_span_context())] if spans else []
        spans.append(
            tracer.start_span(name, context=context_of(each), kind=SpanKind.CONSUMER, attributes=named, links=links)
        )
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
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context=trace.set_span_in_context(each, Context()))
    return carrier


_NO_SPAN: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)
