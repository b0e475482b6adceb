"""What the stand-ins for trackers share: records that a test may add, change and delete while they are read."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tieline_simulators.bodies import json_answer
from tieline_simulators.stand_in import StandIn

MAX_RECORDS = 100_000

Record = dict[str, object]


class TooManyRecordsError(ValueError):
    """A stand-in holds as many records as it may."""


class RecordStandIn(StandIn):
    """A stand-in whose records are kept by the vendor's own id."""

    def __init__(self, records: Iterable[tuple[str, Record]], *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock=clock)
        self.records: dict[str, Record] = dict(records)

    @abstractmethod
    def changed(self, identifier: str, record: Record | None, changes: Mapping[str, object]) -> Record:
        """Return a record with changes applied and its time of update moved; a new one when `record` is None."""

    def put(self, identifier: str, changes: Mapping[str, object]) -> None:
        """Add or change a record. Raises TooManyRecordsError."""
        if identifier not in self.records and len(self.records) >= MAX_RECORDS:
            raise TooManyRecordsError(f"{MAX_RECORDS} records are kept already")
        self.records[identifier] = self.changed(identifier, self.records.get(identifier), changes)

    def control_routes(self) -> Sequence[Route]:
        """Return `POST /_rows`, which takes `{"rows": [{"id": …, …}], "delete": [id]}`."""
        return [Route("/_rows", self._rows, methods=["POST"])]

    def now(self) -> datetime:
        """Return the stand-in's time."""
        return datetime.fromtimestamp(self.clock(), UTC)

    async def _rows(self, request: Request) -> Response:
        try:
            document = orjson.loads(await request.body())
            changes = [(str(row["id"]), row) for row in document.get("rows", [])]
            for identifier in document.get("delete", []):
                self.records.pop(str(identifier), None)
            for identifier, row in changes:
                self.put(identifier, row)
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            return json_answer({"error": f'expected {{"rows": [{{"id": …}}], "delete": [id]}}: {error!r}'}, 400)
        return json_answer({"ids": [identifier for identifier, _ in changes]})
