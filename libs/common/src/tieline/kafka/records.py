"""One Kafka record: key, value, and CloudEvents attributes in its headers (binary content mode)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiokafka import ConsumerRecord

from tieline.errors import PermanentError

CONTENT_TYPE = "content-type"
JSON = "application/json"


class UnreadableRecordError(PermanentError):
    """A record's headers or value are not what its topic promises."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRecord:
    """A record to send. `value` None is a tombstone: on a compacted topic the key is forgotten."""

    topic: str
    key: str
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    partition: int | None = None

    def encoded_headers(self) -> list[tuple[str, bytes]]:
        """Return the headers as Kafka carries them."""
        return [(name, value.encode()) for name, value in self.headers.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRecord:
    """A record taken in, its headers decoded; `coordinates` name it in logs and dead letters."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: str
    value: bytes | None
    headers: Mapping[str, str]

    @property
    def coordinates(self) -> str:
        """Return `topic/partition/offset`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def event_id(self) -> str:
        """Return the CloudEvents id. Raises UnreadableRecordError when there is none."""
        return self.require("ce_id")

    @property
    def event_type(self) -> str:
        """Return the CloudEvents type. Raises UnreadableRecordError when there is none."""
        return self.require("ce_type")

    def require(self, name: str) -> str:
        """Return header `name`. Raises UnreadableRecordError when it is missing."""
        try:
            return self.headers[name]
        except KeyError:
            raise UnreadableRecordError(f"header {name} is missing") from None


def decoded(record: "ConsumerRecord[bytes | None, bytes | None]") -> IncomingRecord:
    """Return `record` with its key and headers as text.

    Bytes that are not UTF-8 are kept visible as escapes instead of failing: a poison header must not stop a partition.
    """
    return IncomingRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=_text(record.key or b""),
        value=record.value,
        headers={name: _text(value) for name, value in _pairs(record.headers)},
    )


def _pairs(headers: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, bytes]]:
    return ((name, value or b"") for name, value in headers)


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="backslashreplace")


def cloudevent_headers(
    *,
    event_id: str,
    event_type: str,
    source: str,
    time: datetime,
    subject: str | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    content_type: str = JSON,
) -> dict[str, str]:
    """Return the headers of a CloudEvents 1.0 record in binary mode, with the ids that tell its story.

    `correlation_id` is the id of what a person or sender started, `causation_id` the id of the record before this one.
    """
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": event_type,
        "ce_source": source,
        "ce_time": time.isoformat(),
        CONTENT_TYPE: content_type,
        "correlation_id": correlation_id or event_id,
    }
    if subject is not None:
        headers["ce_subject"] = subject
    if causation_id is not None:
        headers["causation_id"] = causation_id
    return headers
