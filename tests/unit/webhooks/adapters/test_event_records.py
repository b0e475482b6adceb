"""Events as Kafka carries them, written and read back."""

from datetime import UTC, datetime

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st
from tieline.contracts.events import emitted_event
from tieline.kafka.records import IncomingRecord, OutgoingRecord, UnreadableRecordError
from tieline_webhooks.adapters.event_records import EncodedRecord, accepted_of, encoded
from tieline_webhooks.adapters.partitions import murmur2, partition_of
from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.events import NormalisedEvent, event_id

WORKSPACE = "11111111-2222-3333-4444-555555555555"
AT = datetime(2026, 3, 21, 14, 5, tzinfo=UTC)
TEXT = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and not text.isspace())
MAYBE = st.none() | TEXT


def incoming(record: EncodedRecord) -> IncomingRecord:
    return IncomingRecord(
        topic="t",
        partition=0,
        offset=0,
        timestamp_ms=int(AT.timestamp() * 1000),
        key=record.key.decode(),
        value=record.value,
        headers={name: value.decode() for name, value in record.headers},
    )


def emitted(record: OutgoingRecord) -> IncomingRecord:
    return incoming(EncodedRecord(record.key.encode(), record.value or b"", record.encoded_headers()))


@given(
    event=st.builds(
        NormalisedEvent,
        type=TEXT,
        source=st.just("sentry"),
        subject=TEXT,
        title=TEXT,
        dedupe_key=st.just(""),
        aliases=st.lists(st.from_regex(r"[a-z.]{1,10}", fullmatch=True), max_size=2).map(tuple),
        severity=st.sampled_from(["critical", "error", "warning", "info", "debug"]),
        level=MAYBE,
        state=st.sampled_from([None, "open", "acknowledged", "resolved", "ignored", "deleted"]),
        status=MAYBE,
        project=MAYBE,
        project_id=MAYBE,
        link=MAYBE,
        detail=MAYBE,
        actor=MAYBE,
        occurred_at=st.just(AT),
    ),
    body=st.binary(max_size=50),
)
def test_a_webhooks_event_is_read_as_it_was_written(event: NormalisedEvent, body: bytes) -> None:
    accepted = AcceptedEvent(
        id="e" * 32,
        workspace_id=WORKSPACE,
        source="sentry",
        event=event,
        body=body,
        received_at=AT,
        agent_id="agent-incident-1",
        integration_id="i1",
    )

    assert accepted_of(incoming(encoded(accepted))) == accepted


def test_the_body_goes_in_as_it_came_unless_nobody_could_read_it() -> None:
    def with_repair(repaired: bytes | None) -> bytes:
        event = NormalisedEvent(
            type="a", source="sentry", subject="s", title="t", dedupe_key="", repaired_body=repaired
        )
        accepted = AcceptedEvent(
            id="e1", workspace_id=WORKSPACE, source="sentry", event=event, body=b' {"a" : 1}', received_at=AT
        )
        return encoded(accepted).value

    assert with_repair(None) == b' {"a" : 1}'
    assert with_repair(b'{"a":1}') == b'{"a":1}'


def test_what_a_service_emits_is_known_by_its_source_and_id_together() -> None:
    def read(event_id: str, source: str) -> AcceptedEvent:
        record = emitted_event(
            workspace_id=WORKSPACE,
            event_id=event_id,
            event_type="deploy.finished",
            source=source,
            subject="storefront",
            time=AT,
            data=b"{}",
        )
        return accepted_of(emitted(record))

    first = read("1", "/a")

    assert first.id == event_id(WORKSPACE, "/a", "/a\x001")
    assert len({first.id, read("1", "/b").id, read("2", "/a").id}) == 3
    assert first.event.subject == "/a/storefront"
    assert first.event.title == "deploy finished /a/storefront"


@pytest.mark.parametrize("missing", ["ce_workspaceid", "ce_id", "ce_type", "ce_source"])
def test_a_record_without_what_is_needed_is_refused(missing: str) -> None:
    record = emitted(
        emitted_event(workspace_id=WORKSPACE, event_id="1", event_type="a.b", source="/a", time=AT, data=b"{}")
    )
    headers = {name: value for name, value in record.headers.items() if name != missing}
    broken = IncomingRecord(topic="t", partition=0, offset=0, timestamp_ms=0, key="", value=b"", headers=headers)

    with pytest.raises(UnreadableRecordError, match=missing):
        accepted_of(broken)


@given(key=st.binary(max_size=80), partitions=st.integers(1, 64))
def test_keys_go_where_every_other_producer_puts_them(key: bytes, partitions: int) -> None:
    assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF
    assert partition_of(key, partitions) == (aiokafka_murmur2(key) & 0x7FFFFFFF) % partitions
