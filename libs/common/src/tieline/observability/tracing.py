"""Traces across HTTP, Kafka, MongoDB and outgoing HTTP, in W3C form.

Configured by the standard `OTEL_*` variables alone. Without an exporter nothing is set up: spans are the API's no-ops,
no header is written, and the wrappers return what they were given.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

_EXPORTER_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

tracer = trace.get_tracer("tieline")


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


def flush_traces() -> None:
    """Send the spans that still wait for their batch; a process calls this before it ends. Takes 5 s at most."""
    provider = trace.get_tracer_provider()
    if wanted() and hasattr(provider, "force_flush"):
        provider.force_flush(timeout_millis=5_000)


def with_trace_headers(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return `headers` of a Kafka record with the current trace's `traceparent`, unless they carry one."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    if not carrier:
        return headers
    present = {name for name, _ in headers}
    return headers + [(name, value.encode()) for name, value in carrier.items() if name not in present]


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the current trace over HTTP; empty when there is none."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the trace context that `headers` of a request or record carry."""
    return propagate.extract(headers)


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: Context | None = None,
    links: tuple[Link, ...] = (),
    **attributes: str | int,
) -> Iterator[Span]:
    """Run a block as one span. An exception marks it failed by its class; its text may hold data and is left out."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    with tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        links=links,
        attributes=named,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def link_to(headers: Mapping[str, str]) -> Link | None:
    """Return a link to the span that `headers` carry, if they carry one."""
    found = trace.get_current_span(context_of(headers)).get_span_context()
    return Link(found) if found.is_valid else None
