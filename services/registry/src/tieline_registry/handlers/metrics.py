"""What the registry counts."""

from prometheus_client import Counter

COMMANDS = Counter("tieline_registry_commands_total", "Commands answered, by what became of them.", ["type", "outcome"])
