"""What consumer groups tell of themselves as metrics."""

import weakref
from typing import Any

from aiokafka import AIOKafkaConsumer
from prometheus_client import Counter, Gauge, Histogram

from tieline.observability.scrapes import look_before_scrapes

LAG = Gauge(
    "tieline_consumer_lag_records",
    "Records in the partitions this process holds that it has not taken yet, by consumer group and topic.",
    ["group", "topic"],
)
RECORDS = Counter("tieline_consumer_records_total", "Records handled and acknowledged, by consumer group.", ["group"])
BATCH_SECONDS = Histogram(
    "tieline_consumer_batch_seconds",
    "From taking a batch to its acknowledgement, waits for dependencies included, by consumer group.",
    ["group"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0),
)
RETRIES = Counter(
    "tieline_consumer_retries_total", "Batches tried again because a dependency was away, by consumer group.", ["group"]
)
DEAD_LETTERS = Counter("tieline_dead_letters_total", "Records set aside as dead letters, by consumer group.", ["group"])


class GroupLag:
    """The lag of one group in this process, asked of the brokers before each scrape."""

    def __init__(self, group: str, topic: str) -> None:
        self._gauge = LAG.labels(group, topic)
        DEAD_LETTERS.labels(group)  # shown as 0 from the start: an alert on its increase must see the first one
        self._subscriber: weakref.ref[Any] | None = None

    def watch(self, subscriber: Any) -> None:
        """Look at this FastStream subscriber's consumer from now on, as long as it lives."""
        self._subscriber = weakref.ref(subscriber)
        weakref.finalize(subscriber, look_before_scrapes(self._look))

    async def _look(self) -> None:
        subscriber = self._subscriber and self._subscriber()
        consumer: AIOKafkaConsumer | None = getattr(subscriber, "consumer", None)
        held = list(consumer.assignment()) if consumer is not None else []
        if consumer is None or not held:
            self._gauge.set(0)
            return
        ends = await consumer.end_offsets(held)
        waiting = [ends[partition] - await consumer.position(partition) for partition in held]
        self._gauge.set(sum(max(each, 0) for each in waiting))
