"""Run events as surface D's server-sent events: names, keys and their order as published.

A frame begins with its `id`, so that the documented two lines stand together as documented.
"""

from typing import Any

import orjson
from tieline.clock import iso_z
from tieline.contracts.base import JsonObject
from tieline.contracts.sync import RunCompleted, RunFailed, RunProgress

RETRY_MS = 3000

# Lines, not blocks: an empty line after `retry:` makes some clients (httpx-sse is one) tell of an event without data.
OPENING = f"retry: {RETRY_MS}\n".encode()
HEARTBEAT = b": heartbeat\n"


def progress_frame(event: RunProgress, event_id: str) -> bytes:
    """Return the frame of a `progress` event."""
    document: dict[str, Any] = {"batch": event.batch, "totalBatches": event.total_batches}
    if event.record_ids is not None:
        document["incidents"] = event.record_ids
    if event.total is not None:
        document["totalIncidents"] = event.total
    return _frame("progress", document | {"message": event.message}, event_id)


def complete_frame(event: RunCompleted, integration: JsonObject | None, event_id: str) -> bytes:
    """Return the frame of a `complete` event. `integration` is surface D's object; None if it is gone meanwhile."""
    stats = {"added": event.added, "total": event.total, "last_synced": iso_z(event.last_synced)}
    return _frame("complete", {"success": True, "integration": integration, "stats": stats}, event_id)


def failed_frame(event: RunFailed, event_id: str) -> bytes:
    """Return the frame of the `error` event that ends a failed run."""
    return _frame("error", {"success": False, "message": event.message}, event_id)


def error_frame(message: str) -> bytes:
    """Return the frame of an `error` event that belongs to no run."""
    return _frame("error", {"success": False, "message": message}, None)


def _frame(name: str, document: JsonObject, event_id: str | None) -> bytes:
    identity = b"" if event_id is None else f"id: {event_id}\n".encode()
    return b"%sevent: %s\ndata: %s\n\n" % (identity, name.encode(), orjson.dumps(document))
