"""Reading records of the command topic."""

from typing import Any

import pytest
from tieline.kafka.records import IncomingRecord
from tieline_registry.handlers.received import CommandUnreadableError, read, reply_partition

from tests.unit.registry.builders import WORKSPACE_ID, a_draft, save


def a_record(value: bytes | None = None, **given: Any) -> IncomingRecord:
    fields: dict[str, Any] = {
        "topic": "t",
        "partition": 1,
        "offset": 2,
        "timestamp_ms": 0,
        "key": WORKSPACE_ID,
        "value": save(a_draft()).to_json() if value is None else value,
        "headers": {"ce_id": "c1", "reply_partition": "3"},
    }
    return IncomingRecord(**{**fields, **given})


def test_a_command_is_read_with_where_to_answer() -> None:
    received = read(a_record())

    assert (received.command.command_id, received.reply_partition) == ("c1", 3)


@pytest.mark.parametrize(
    "given",
    [
        {"value": b""},
        {"value": b"{"},
        {"value": b'{"type":"integration.explode"}'},
        {"value": b'{"type":"integration.save","drafts":[]}'},
        {"headers": {"ce_id": "c2"}},
        {"headers": {}},
        {"key": "00000000-0000-4000-8000-000000000002"},
    ],
)
def test_what_is_no_command_is_told_apart(given: dict[str, Any]) -> None:
    with pytest.raises(CommandUnreadableError):
        read(a_record(**given))


def test_the_reason_repeats_no_values() -> None:
    value = b'{"type":"integration.save","drafts":[{"target":"hunter2"}],"workspace_id":"hunter2"}'

    with pytest.raises(CommandUnreadableError) as refused:
        read(a_record(value))

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "-1", "x", "1e3", "٣", "999999999999"])
def test_a_partition_that_is_no_number_is_no_partition(text: str) -> None:
    assert reply_partition(a_record(headers={"reply_partition": text})) is None
