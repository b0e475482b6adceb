"""The SDK's half of tracing, loaded only where traces are wanted: spans are sampled, batched and exported."""

import os
import random

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from tieline.observability.tracing import UnsampledSpan


class _Ids(RandomIdGenerator):
    """Random ids, except that the next trace can be given one."""

    def __init__(self) -> None:
        self.given: int | None = None

    def generate_trace_id(self) -> int:
        given, self.given = self.given, None
        return given or super().generate_trace_id()


class Export:
    """The export of one process, by OTLP over HTTP, as the standard `OTEL_*` variables say.

    `follows_parents`: what belongs to a trace that is not sampled is not sampled either.
    """

    def __init__(self, service: str) -> None:
        self._ids = _Ids()
        self._ratio = _ratio()
        name = os.environ.get("OTEL_SERVICE_NAME", f"tieline-{service}")
        self._provider = TracerProvider(
            sampler=None if self._ratio is None else ParentBased(self._ratio),  # None: what the variables say
            resource=Resource.create({"service.name": name}),
            id_generator=self._ids,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(self._provider)
        self.follows_parents = isinstance(self._provider.sampler, ParentBased)

    def flush(self, *, milliseconds: int) -> None:
        """Send the spans that still wait for their batch."""
        self._provider.force_flush(milliseconds)

    def unsampled_root(self) -> UnsampledSpan | None:
        """Begin a trace that is not sampled; None when it is to be, and where only the SDK can tell.

        With a ratio the answer follows from half of the trace's id, so it can be had before the SDK is asked for a
        span, which takes many times as long to make none. When the trace is sampled, the SDK gets the same id.
        """
        if self._ratio is None:
            return None
        low = random.getrandbits(64)
        if low < self._ratio.bound:
            self._ids.given = random.getrandbits(64) << 64 | low
            return None
        return UnsampledSpan(low)


def _ratio() -> TraceIdRatioBased | None:
    """Return the sampler of `parentbased_traceidratio`; None for any other, and for a ratio that is none."""
    if os.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() != "parentbased_traceidratio":
        return None
    try:
        return TraceIdRatioBased(float(os.environ.get("OTEL_TRACES_SAMPLER_ARG", "")))
    except ValueError:
        return None
