"""A span for every command sent to MongoDB on behalf of a trace: its name and collection, never its documents."""

from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from tieline.observability.tracing import tracer, wanted

MOST_OPEN = 10_000  # spans of commands whose end was never told


class _CommandSpans(CommandListener):
    def __init__(self) -> None:
        self._open: dict[int, Span] = {}

    def started(self, event: CommandStartedEvent) -> None:
        if not get_current_span().is_recording():
            return  # a look now and then that belongs to nothing, or to a trace that nobody records
        collection = event.command.get(event.command_name)
        name = f"{event.command_name} {collection}" if isinstance(collection, str) else event.command_name
        if len(self._open) < MOST_OPEN:
            self._open[event.request_id] = tracer.start_span(
                name,
                kind=SpanKind.CLIENT,
                attributes={
                    "db.system.name": "mongodb",
                    "db.operation.name": event.command_name,
                    "db.namespace": event.database_name,
                    **({"db.collection.name": collection} if isinstance(collection, str) else {}),
                },
            )

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._end(event.request_id)

    def failed(self, event: CommandFailedEvent) -> None:
        self._end(event.request_id, failed=True)

    def _end(self, request_id: int, *, failed: bool = False) -> None:
        span = self._open.pop(request_id, None)
        if span is not None:
            if failed:
                span.set_status(Status(StatusCode.ERROR))
            span.end()


def command_listeners() -> list[Any]:
    """Return what to pass as `event_listeners` to a MongoDB client; empty when no traces are wanted."""
    return [_CommandSpans()] if wanted() else []
