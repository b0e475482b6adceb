"""The log that accepted events are appended to: Kafka, or the local spool while Kafka is away.

Records that arrive while one produce request is under way share the next one, so batches form by themselves: a broker
gets its partitions' batches all together, and the next ones grow until it has acknowledged them.

A batch that Kafka has not acknowledged in time is written to the spool and from then on everything is, until the spool
is drained; so a key's records keep their order. Such a batch may still reach Kafka by the producer's own idempotent
retries, so its records are drained only if it did not: the outage of a broker neither loses nor doubles a record while
this process lives. If the process dies as well, those few may be in the topic twice; whoever reads knows them by id.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Awaitable, Sequence
from itertools import chain, count

from aiokafka.errors import KafkaError
from tieline.errors import RecordTooLargeError

from tieline_webhooks.adapters.event_producer import TOO_LARGE, EventProducer, RecordBatch
from tieline_webhooks.adapters.event_records import EncodedRecord, encoded
from tieline_webhooks.adapters.spool import Spool
from tieline_webhooks.adapters.spooled import Drain, spooled
from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.errors import OverloadedError, SpoolFullError

WATCH_SECONDS = 0.05

log = logging.getLogger(__name__)


class _Batch:
    """Records of one partition. `durable` is done once Kafka or the disk has them all, `acknowledged` once Kafka has.

    `acknowledged` stays open for as long as the batch may still reach Kafka; a KafkaError says that it did not.
    """

    __slots__ = ("acknowledged", "content", "durable", "leader", "partition", "records", "since")

    def __init__(self, partition: int, content: RecordBatch) -> None:
        self.partition, self.content = partition, content
        self.records: list[EncodedRecord] = []
        self.since = time.monotonic()
        self.durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.leader: int | None = None

    def add(self, record: EncodedRecord) -> bool:
        """Add a record; False when there is no room."""
        if not self.content.add(record):
            return False
        self.records.append(record)
        return True


class EventLog:
    """Appends events. `run` must be running; until Kafka is reached for the first time events go to the spool.

    Makes no spans: a record carries the span of the request that brought it, which lasts as long as the append does.
    """

    def __init__(self, producer: EventProducer, spool: Spool, *, spool_after: float, max_in_flight: int) -> None:
        self._producer = producer
        self._spool = spool
        self._spool_after = spool_after
        self._max_in_flight = max_in_flight
        self._drain = Drain(producer, spool)
        self._growing: dict[int, _Batch] = {}
        self._full: dict[int, deque[_Batch]] = {}
        self._handed: dict[int, _Batch] = {}
        self._under_way: Counter[int | None] = Counter()
        self._wake = asyncio.Event()
        self._failed_over = asyncio.Event()
        self._failed_over.set()
        self._tokens = count(secrets.randbits(62) + 1)
        self.in_flight = 0

    @property
    def spooling(self) -> bool:
        """Tell whether events go to the spool."""
        return self._failed_over.is_set()

    async def append(self, accepted: AcceptedEvent) -> None:
        """Return once the event is in Kafka or on the disk.

        Raises OverloadedError, SpoolFullError, and RecordTooLargeError, which the brokers' settings decide.
        """
        if self.in_flight >= self._max_in_flight:
            raise OverloadedError(f"{self.in_flight} events are waiting for Kafka")
        self.in_flight += 1
        try:
            await self._put(encoded(accepted))
        finally:
            self.in_flight -= 1

    async def append_all(self, events: Sequence[AcceptedEvent]) -> None:
        """Return once all the events are in Kafka or on the disk; those of one subject keep their order.

        Raises what `append` does; then some may be appended. The same events again do no harm.
        """
        if self.in_flight and self.in_flight + len(events) > self._max_in_flight:
            raise OverloadedError(f"{self.in_flight} events are waiting for Kafka")
        self.in_flight += len(events)
        try:
            for durable in [self._put(encoded(accepted)) for accepted in events]:
                await durable
        finally:
            self.in_flight -= len(events)

    async def run(self) -> None:
        """Send, watch over what is under way, and drain the spool, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send())
                tasks.create_task(self._watch())
                tasks.create_task(self._return_to_kafka())
        finally:
            await self._producer.disconnect()

    async def settle(self) -> None:
        """Wait until everything that was appended is in Kafka or on the disk."""
        while waiting := [*self._handed.values(), *self._growing.values(), *chain(*self._full.values())]:
            await asyncio.wait([batch.durable for batch in waiting])

    def _put(self, record: EncodedRecord) -> Awaitable[object]:
        if self.spooling:
            return self._spool.append(spooled(record, token=0))
        partition = self._producer.partition_of(record.key)
        batch = self._growing.get(partition)
        if batch is None or not batch.add(record):
            if batch is not None:
                self._full.setdefault(partition, deque()).append(batch)
            batch = self._growing[partition] = _Batch(partition, self._producer.new_batch())
            batch.add(record)  # the first record fits whatever its size
            self._wake.set()
        return batch.durable

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.spooling:
                continue
            busy = set(self._under_way)
            for partition in [*self._full, *self._growing]:
                leader = self._producer.leader_of(partition)
                is_waiting = partition in self._full or partition in self._growing  # still, after the waits in between
                if is_waiting and leader not in busy and partition not in self._handed and not self.spooling:
                    await self._hand_over(partition, leader)

    async def _hand_over(self, partition: int, leader: int | None) -> None:
        """Give a partition's oldest batch to the producer. One at a time, so that this never waits for another.

        While the producer is asked, Kafka may be found away: by then the batch counts as handed over, so in doubt.
        """
        batch = self._oldest(partition)
        batch.leader = leader
        self._handed[partition] = batch
        self._under_way[leader] += 1
        batch.acknowledged.add_done_callback(lambda _: self._on_acknowledged(batch))
        try:
            sent = await self._producer.send(batch.content, partition)
        except KafkaError as error:
            batch.acknowledged.set_exception(error)
        else:
            sent.add_done_callback(lambda _: _settle(batch.acknowledged, sent))

    def _oldest(self, partition: int) -> _Batch:
        """Return a partition's oldest batch, which waits no longer."""
        waiting = self._full.get(partition)
        if waiting is None:
            return self._growing.pop(partition)
        batch = waiting.popleft()
        if not waiting:
            del self._full[partition]
        return batch

    def _on_acknowledged(self, batch: _Batch) -> None:
        error = batch.acknowledged.exception()
        if isinstance(error, TOO_LARGE) and len(batch.records) == 1:
            _fail(batch, RecordTooLargeError("Kafka takes no record as large as this event"))
        elif error is not None:
            self._fail_over(f"it did not take a batch: {error or type(error).__name__}")
            return
        if self._handed.get(batch.partition) is batch:
            del self._handed[batch.partition]
            self._under_way[batch.leader] -= 1
            if not self._under_way[batch.leader]:
                del self._under_way[batch.leader]
                if self._growing or self._full:
                    self._wake.set()
        if not batch.durable.done():
            batch.durable.set_result(None)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self.spooling:
                continue
            late = time.monotonic() - self._spool_after
            if any(batch.since < late for batch in (*self._handed.values(), *self._growing.values())):
                self._fail_over("it has not acknowledged in time")

    def _fail_over(self, reason: str) -> None:
        """Put everything that is not acknowledged into the spool, a partition's oldest first; what comes, follows."""
        if self.spooling:
            return
        log.warning("Kafka is away, events go to the spool", extra={"reason": reason})
        self._failed_over.set()
        for batch in self._handed.values():
            token = next(self._tokens)
            self._drain.in_doubt[token] = batch.acknowledged
            self._put_in_spool(batch, token)
        for waiting in self._full.values():
            for batch in waiting:
                self._put_in_spool(batch, 0)
        for batch in self._growing.values():
            self._put_in_spool(batch, 0)
        self._handed, self._full, self._growing = {}, {}, {}
        self._under_way.clear()

    def _put_in_spool(self, batch: _Batch, token: int) -> None:
        try:
            written = [self._spool.append(spooled(record, token=token)) for record in batch.records]
        except SpoolFullError as error:
            _fail(batch, error)
            return
        stored = asyncio.gather(*written)
        stored.add_done_callback(lambda _: _pass_on(stored, batch))

    async def _return_to_kafka(self) -> None:
        while True:
            await self._failed_over.wait()
            await self._drain.until_empty()
            # Nothing is awaited between the drain's last look and this line: no record can slip in between.
            self._failed_over.clear()
            log.info("events go to Kafka")


def _settle(acknowledged: "asyncio.Future[None]", sent: "asyncio.Future[None]") -> None:
    error = KafkaError("the producer was dropped") if sent.cancelled() else sent.exception()
    if error is None:
        acknowledged.set_result(None)
    else:
        acknowledged.set_exception(error)


def _pass_on(stored: "asyncio.Future[list[int]]", batch: _Batch) -> None:
    error = stored.exception()
    if error is not None:
        _fail(batch, error)
    elif not batch.durable.done():
        batch.durable.set_result(None)


def _fail(batch: _Batch, error: BaseException) -> None:
    if not batch.durable.done():
        batch.durable.set_exception(error)
        batch.durable.exception()  # seen, should nobody wait for it any more
