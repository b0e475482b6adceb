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
from collections.abc import Iterable, Sequence
from functools import partial
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

TURNS_TO_SEND = 3
"""Turns of the event loop from the waking of `_send` until aiokafka writes the request: it is found in the batches that
wait, made a task, and sent."""

log = logging.getLogger(__name__)


class _Batch:
    """Records of one partition, and who waits until Kafka or the disk has them.

    `acknowledged` stays open for as long as the batch may still reach Kafka; a KafkaError says that it did not.
    """

    __slots__ = ("_waiting", "acknowledged", "content", "leader", "partition", "records", "settled", "since")

    def __init__(self, partition: int, content: RecordBatch) -> None:
        self.partition, self.content = partition, content
        self.records: list[EncodedRecord] = []
        self.since = time.monotonic()
        self.acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.leader: int | None = None
        self.settled = False
        self._waiting: list[asyncio.Future[None]] = []

    def add(self, record: EncodedRecord, durable: "asyncio.Future[None]") -> bool:
        """Add a record, and the future that is told when it is durable; False when there is no room."""
        if not self.content.add(record):
            return False
        self.records.append(record)
        self._waiting.append(durable)
        return True

    def wait(self) -> "asyncio.Future[None]":
        """Return a future that is told as well."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(durable)
        return durable

    def settle(self, error: BaseException | None = None) -> None:
        """Tell all who wait that the records are durable, or why not."""
        self.settled = True
        waiting, self._waiting = self._waiting, []
        for durable in waiting:
            _tell(durable, error)


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
        self._acknowledged: list[_Batch] = []
        self._tokens = count(secrets.randbits(62) + 1)
        self.in_flight = 0

    @property
    def spooling(self) -> bool:
        """Tell whether events go to the spool."""
        return self._failed_over.is_set()

    def put(self, events: Iterable[tuple[AcceptedEvent, "asyncio.Future[None]"]]) -> None:
        """Append events in order, and tell each one's future once it is in Kafka or on the disk.

        A future may get OverloadedError, SpoolFullError, or RecordTooLargeError, which the brokers' settings decide.
        """
        for record, durable in [(encoded(accepted), durable) for accepted, durable in events]:
            if self.in_flight < self._max_in_flight:
                self._put(record, durable)
            else:
                _tell(durable, OverloadedError(f"{self.in_flight} events are waiting for Kafka"))

    async def append_all(self, events: Sequence[AcceptedEvent]) -> None:
        """Return once all the events are in Kafka or on the disk; those of one subject keep their order.

        Raises what futures get from `put`; then some may be appended. The same events again do no harm.
        """
        if self.in_flight and self.in_flight + len(events) > self._max_in_flight:
            raise OverloadedError(f"{self.in_flight} events are waiting for Kafka")
        loop = asyncio.get_running_loop()
        records = [(encoded(accepted), loop.create_future()) for accepted in events]
        for record, durable in records:
            self._put(record, durable)
        await asyncio.gather(*(durable for _, durable in records))

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
        while waiting := [batch.wait() for batch in self._batches() if not batch.settled]:
            await asyncio.wait(waiting)

    def _batches(self) -> Iterable[_Batch]:
        return chain(self._acknowledged, self._handed.values(), self._growing.values(), *self._full.values())

    def _put(self, record: EncodedRecord, durable: "asyncio.Future[None]") -> None:
        self.in_flight += 1
        if self.spooling:
            self._spool_one(record, durable)
            return
        partition = self._producer.partition_of(record.key)
        batch = self._growing.get(partition)
        if batch is None or not batch.add(record, durable):
            if batch is not None:
                self._full.setdefault(partition, deque()).append(batch)
            batch = self._growing[partition] = _Batch(partition, self._producer.new_batch())
            batch.add(record, durable)  # the first record fits whatever its size
            self._wake.set()

    def _spool_one(self, record: EncodedRecord, durable: "asyncio.Future[None]") -> None:
        try:
            stored = self._spool.append(spooled(record, token=0))
        except SpoolFullError as error:
            self.in_flight -= 1
            _tell(durable, error)
        else:
            stored.add_done_callback(partial(self._on_stored, durable))

    def _on_stored(self, durable: "asyncio.Future[None]", stored: "asyncio.Future[int]") -> None:
        self.in_flight -= 1
        _tell(durable, stored.exception())

    def _settle(self, batch: _Batch, error: BaseException | None = None) -> None:
        """Tell those who wait for a batch, once: it may reach Kafka after the spool has it."""
        if not batch.settled:
            self.in_flight -= len(batch.records)
            batch.settle(error)

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
        try:
            sent = await self._producer.send(batch.content, partition)
        except KafkaError as error:
            self._acknowledge(batch, error)
        else:
            sent.add_done_callback(partial(self._on_sent, batch))

    def _on_sent(self, batch: _Batch, sent: "asyncio.Future[None]") -> None:
        self._acknowledge(batch, KafkaError("the producer was dropped") if sent.cancelled() else sent.exception())

    def _oldest(self, partition: int) -> _Batch:
        """Return a partition's oldest batch, which waits no longer."""
        waiting = self._full.get(partition)
        if waiting is None:
            return self._growing.pop(partition)
        batch = waiting.popleft()
        if not waiting:
            del self._full[partition]
        return batch

    def _acknowledge(self, batch: _Batch, error: BaseException | None) -> None:
        """Take note that Kafka has a batch, or why it has not."""
        _tell(batch.acknowledged, error)
        if error is not None:
            batch.acknowledged.exception()  # seen, should nobody be in doubt about it
        if isinstance(error, TOO_LARGE) and len(batch.records) == 1:
            self._settle(batch, RecordTooLargeError("Kafka takes no record as large as this event"))
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
        if self._growing or self._full:
            self._settle_soon(batch)
        else:
            self._settle(batch)

    def _settle_soon(self, batch: _Batch) -> None:
        """Tell those who wait for a batch once the next request is on its way.

        Their answers keep this thread busy for a while, in which the brokers would have nothing to do.
        """
        self._acknowledged.append(batch)
        if len(self._acknowledged) == 1:
            self._count_down(TURNS_TO_SEND)

    def _count_down(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._count_down, turns - 1)
            return
        acknowledged, self._acknowledged = self._acknowledged, []
        for batch in acknowledged:
            self._settle(batch)

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
            self._settle(batch, error)
            return
        asyncio.gather(*written).add_done_callback(lambda stored: self._settle(batch, stored.exception()))

    async def _return_to_kafka(self) -> None:
        while True:
            await self._failed_over.wait()
            await self._drain.until_empty()
            # Nothing is awaited between the drain's last look and this line: no record can slip in between.
            self._failed_over.clear()
            log.info("events go to Kafka")


def _tell(durable: "asyncio.Future[None]", error: BaseException | None) -> None:
    """Settle a future, unless nobody waits for it any more."""
    if durable.done():
        return
    if error is None:
        durable.set_result(None)
    else:
        durable.set_exception(error)
