"""Records in the spool, and how they are taken from there to Kafka."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec
from aiokafka.errors import KafkaError
from prometheus_client import Counter

from tieline_webhooks.adapters.event_producer import TOO_LARGE, EventProducer, RecordBatch
from tieline_webhooks.adapters.event_records import EncodedRecord
from tieline_webhooks.adapters.spool import Spool

DRAIN_RECORDS = 1_000
DRAIN_BYTES = 1_048_576
PAUSE_SECONDS = 0.01  # while the last records are on their way to the disk

SET_ASIDE = Counter(
    "tieline_spool_set_aside_total", "Accepted events that Kafka never takes, kept in the spool's file `set-aside`."
)

log = logging.getLogger(__name__)


class _Spooled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is on the disk. `token` names the batch of this process that may still bring the record to Kafka; else 0."""

    token: int
    record: EncodedRecord


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Spooled).decode


def spooled(record: EncodedRecord, *, token: int) -> bytes:
    """Return a record as the spool keeps it."""
    return _encode(_Spooled(token, record))


class Drain:
    """Takes records from the spool to Kafka, in order."""

    def __init__(self, producer: EventProducer, spool: Spool) -> None:
        self._producer = producer
        self._spool = spool
        self._most_in_batch = DRAIN_RECORDS
        self._refused = False
        self.in_doubt: dict[int, asyncio.Future[None]] = {}
        """By token: batches that were given to Kafka before their records were spooled."""

    async def until_empty(self) -> None:
        """Return once Kafka has everything that is in the spool, and nothing more comes from the disk.

        What is in doubt comes first: the producer that knows of it may have to be connected again later.
        """
        await self._producer.connect()
        if self.in_doubt:
            await asyncio.wait(self.in_doubt.values())
        while not self._spool.empty:
            records = await self._spool.read(max_records=DRAIN_RECORDS, max_bytes=DRAIN_BYTES)
            if not records:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._most_in_batch = DRAIN_RECORDS
            await self._take_to_kafka([_decode(each.payload) for each in records])
            await self._spool.advance(records[-1].number)
            log.info("took events from the spool to Kafka", extra={"records": len(records)})
        self.in_doubt.clear()

    async def _take_to_kafka(self, records: Sequence[_Spooled]) -> None:
        there: dict[int, bool] = {0: False}
        for token in {each.token for each in records} - {0}:
            there[token] = await self._arrived(token)
        missing = [each.record for each in records if not there[each.token]]
        while missing:
            missing = await self._send(missing)

    async def _arrived(self, token: int) -> bool:
        """Tell whether a batch reached Kafka after all, once that is known; one of another process never is."""
        acknowledged = self.in_doubt.get(token)
        if acknowledged is None:
            return False
        try:
            await acknowledged
        except KafkaError:
            return False
        return True

    async def _send(self, records: Sequence[EncodedRecord]) -> list[EncodedRecord]:
        """Send records and return those that did not arrive, in order."""
        await self._producer.connect()
        batches: dict[int, tuple[RecordBatch, list[EncodedRecord]]] = {}
        later: list[EncodedRecord] = []
        closed: set[int] = set()
        for record in records:
            partition = self._producer.partition_of(record.key)
            batch, held = batches.setdefault(partition, (self._producer.new_batch(), []))
            if partition in closed or len(held) >= self._most_in_batch or not batch.add(record):
                closed.add(partition)
                later.append(record)
            else:
                held.append(record)
        failed: list[EncodedRecord] = []
        sent: list[tuple[asyncio.Future[None], list[EncodedRecord]]] = []
        try:
            for partition, (batch, held) in batches.items():
                sent.append((await self._producer.send(batch, partition), held))
        except KafkaError:
            failed = [record for _, held in list(batches.values())[len(sent) :] for record in held]
        failed = [*[record for each in sent for record in await self._not_arrived(*each)], *failed]
        if failed:
            log.warning("Kafka did not take events, keeping them in the spool", extra={"records": len(failed)})
        if failed or self._refused:
            self._refused = False  # a refused batch leaves a gap in the producer's sequence: another one goes on
            await self._producer.disconnect()
        return [*failed, *later]

    async def _not_arrived(
        self, acknowledged: "asyncio.Future[None]", records: list[EncodedRecord]
    ) -> list[EncodedRecord]:
        """Return the records of a batch that are to be sent again.

        One that is too large for the brokers would hold up all behind it for ever: it is set aside, and said so.
        """
        try:
            await acknowledged
        except TOO_LARGE:
            if len(records) > 1:
                self._most_in_batch = 1
                return records
            self._refused = True
            SET_ASIDE.inc()
            await self._spool.set_aside(spooled(records[0], token=0))
            facts = {"bytes": len(records[0].value)}
            log.error("set an event aside: Kafka takes none so large", extra=facts)  # noqa: TRY400 - it says no more
        except KafkaError:
            return records
        return []
