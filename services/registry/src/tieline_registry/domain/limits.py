"""How much a workspace may hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Counts per workspace, and the largest reply, which must fit one Kafka record."""

    integrations: int = 200_000
    routes: int = 200_000
    api_keys: int = 1_000
    reply_bytes: int = 950_000
