"""A sync worker as a process that kills itself at a given point: `python -m ... POINT TIMES`.

The point is reached when the call it names has returned, so what the call does has happened and nothing after it.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from tieline.contracts.sync import RunCompleted, RunProgress
from tieline_sync.adapters.mongo.datasets import MongoDatasetStore
from tieline_sync.adapters.mongo.raw_pages import MongoRawPages
from tieline_sync.adapters.mongo.records import MongoRecordStore
from tieline_sync.adapters.mongo.runs import MongoRunStore
from tieline_sync.adapters.run_events import KafkaEvents
from tieline_sync.main import run

POINTS: dict[str, tuple[type, str, Callable[..., bool]]] = {
    "page stored": (MongoRawPages, "put", lambda _run, _page: True),
    "fetch checkpoint stored": (MongoRunStore, "save", lambda run, **_: run.fetched.pages > 0),
    "places allocated": (MongoDatasetStore, "allocate", lambda _dataset, **_: True),
    "records inserted": (MongoRecordStore, "_insert", lambda _dataset, _run, batch, _new: batch > 0),
    "records saved": (MongoRecordStore, "save_batch", lambda _dataset, _run, **_: True),
    "checkpoint stored": (MongoRunStore, "save", lambda run, **_: run.ingested is not None),
    "progress published": (KafkaEvents, "publish", lambda event: isinstance(event, RunProgress) and event.batch > 0),
    "version published": (MongoDatasetStore, "publish", lambda _dataset, _version: True),
    "outcome stored": (MongoRunStore, "save", lambda run, **_: run.outcome is not None),
    "completion published": (KafkaEvents, "publish", lambda event: isinstance(event, RunCompleted)),
}


def die_after(point: str, times: int) -> None:
    """Arrange for the process to be killed when `point` is reached for the `times`-th time."""
    owner, name, matches = POINTS[point]
    call: Any = getattr(owner, name)
    reached = 0

    async def wrapped(self: object, *arguments: Any, **named: Any) -> Any:
        nonlocal reached
        result = await call(self, *arguments, **named)
        reached += matches(*arguments, **named)
        if reached == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    die_after(sys.argv[1], int(sys.argv[2]))
    run([])
