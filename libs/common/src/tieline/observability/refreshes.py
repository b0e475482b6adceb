"""What is fetched again and again so that work can go on, and did not come."""

from typing import Literal

from prometheus_client import Counter

Refreshed = Literal["webhook_secret", "provider_token"]

FAILURES = Counter(
    "tieline_refresh_failures_total",
    "Secrets and tokens that could not be fetched or renewed when they were needed, by what they are.",
    ["what"],
)


def refresh_failed(what: Refreshed) -> None:
    """Count one failure."""
    FAILURES.labels(what).inc()
