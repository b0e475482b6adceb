"""A record of the command topic, read as far as it can be."""

from dataclasses import dataclass

from pydantic import ValidationError
from tieline.contracts.commands import command_adapter
from tieline.errors import PermanentError
from tieline.kafka.records import IncomingRecord
from tieline.kafka.requests import REPLY_PARTITION

from tieline_registry.domain.decide import KnownCommand


class CommandUnreadableError(PermanentError):
    """A record is no command that this registry knows. The reason repeats no values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A command with the record it came in."""

    command: KnownCommand
    record: IncomingRecord

    @property
    def reply_partition(self) -> int | None:
        """Return where the asker awaits the reply, if anyone does."""
        return reply_partition(self.record)


def reply_partition(record: IncomingRecord) -> int | None:
    """Return the partition a record asks to be answered on."""
    text = record.headers.get(REPLY_PARTITION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def read(record: IncomingRecord) -> Received:
    """Return the command of a record. Raises CommandUnreadableError."""
    try:
        command: KnownCommand = command_adapter.validate_json(record.value or b"")
    except ValidationError as error:
        raise CommandUnreadableError(f"not a command: {_what_is_wrong(error)}") from None
    if command.command_id != record.headers.get("ce_id"):
        raise CommandUnreadableError("the command's id is not the record's ce_id")
    if command.workspace_id != record.key:
        raise CommandUnreadableError("the command's workspace is not the record's key")
    return Received(command=command, record=record)


def _what_is_wrong(error: ValidationError) -> str:
    """Return the first fault, without the value, which may be secret."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place or 'value'}: {first['type']}"
