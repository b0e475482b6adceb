"""Commands from Kafka, one batch at a time."""

from collections.abc import Sequence

from pydantic import ValidationError
from tieline.contracts.sync import CancelRun, StartRun, sync_command_adapter
from tieline.kafka.records import IncomingRecord, UnreadableRecordError

from tieline_sync.handlers.accept_runs import AcceptRuns


class CommandConsumer:
    """Hands each command to its handler, in order; a batch is done when all of them are recorded."""

    def __init__(self, accept: AcceptRuns) -> None:
        self._accept = accept

    async def __call__(self, records: Sequence[IncomingRecord]) -> None:
        """Record the commands of a batch. Raises UnreadableRecordError, and what the handlers raise."""
        for record, command in [(record, _command(record)) for record in records]:
            if isinstance(command, StartRun):
                await self._accept.start(command, traceparent=record.headers.get("traceparent"))
            else:
                await self._accept.cancel(command)


def _command(record: IncomingRecord) -> StartRun | CancelRun:
    if record.value is None:
        raise UnreadableRecordError("a command without a value")
    try:
        command: StartRun | CancelRun = sync_command_adapter.validate_json(record.value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)
        )
        raise UnreadableRecordError(f"not a sync command: {wrong}") from error
    return command
