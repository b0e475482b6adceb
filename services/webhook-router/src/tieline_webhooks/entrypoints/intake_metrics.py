"""What became of webhooks, and how fast they were answered.

Told to the metrics when they are read, and now and then in between: telling each answer at once took as long as finding
its routes does.
"""

from bisect import bisect_left
from collections import Counter as Tally

from prometheus_client import Counter, Histogram

TAKEN = Counter("tieline_webhooks_received_total", "Webhooks by source and what became of them.", ["source", "outcome"])

SECONDS = Histogram(
    "tieline_webhook_answer_seconds",
    "From the request to the answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

MOST_UNTOLD = 1_000


class Answers:
    """Counts answers. For one thread."""

    def __init__(self) -> None:
        self._bounds: list[float] = SECONDS._upper_bounds  # noqa: SLF001 - a histogram takes no sums from elsewhere
        self._outcomes: Tally[tuple[str, str]] = Tally()
        self._buckets = [0] * len(self._bounds)
        self._seconds = 0.0
        self._untold = 0

    def count(self, source: str, outcome: str) -> None:
        """Note what became of a webhook; both words are of a few known ones."""
        self._outcomes[source, outcome] += 1

    def timed(self, seconds: float) -> None:
        """Note how long an answer took."""
        self._buckets[bisect_left(self._bounds, seconds)] += 1
        self._seconds += seconds
        self._untold += 1
        if self._untold >= MOST_UNTOLD:
            self.tell()

    async def look(self) -> None:
        """Bring the metrics up to date before they are read."""
        self.tell()

    def tell(self) -> None:
        """Bring the metrics up to date."""
        for (source, outcome), times in self._outcomes.items():
            TAKEN.labels(source, outcome).inc(times)
        for bucket, times in zip(SECONDS._buckets, self._buckets, strict=True):  # noqa: SLF001 - as above
            bucket.inc(times)
        SECONDS._sum.inc(self._seconds)  # noqa: SLF001 - as above
        self._outcomes.clear()
        self._buckets = [0] * len(self._bounds)
        self._seconds, self._untold = 0.0, 0
