"""Traces across HTTP and Kafka in W3C form.

Without an SDK configured (`OTEL_*`), the API's spans do nothing and no header is written.
"""

from collections.abc import Mapping

from opentelemetry import propagate
from opentelemetry.context import Context


def with_trace_headers(headers: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return `headers` of a Kafka record with the current trace's `traceparent`, unless they carry one."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    if not carrier:
        return headers
    present = {name for name, _ in headers}
    return headers + [(name, value.encode()) for name, value in carrier.items() if name not in present]


def context_of(headers: Mapping[str, str]) -> Context:
    """Return the trace context that `headers` of a request or record carry."""
    return propagate.extract(headers)
