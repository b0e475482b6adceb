"""What the registry counts."""

from prometheus_client import Counter, Histogram

COMMANDS = Counter("tieline_registry_commands_total", "Commands answered, by what became of them.", ["type", "outcome"])
TOGETHER = Histogram(
    "tieline_registry_commands_together",
    "Commands that were applied in one transaction.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)
