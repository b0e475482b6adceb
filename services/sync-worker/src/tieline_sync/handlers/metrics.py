"""What the sync worker counts."""

from prometheus_client import Counter, Gauge

RUNS = Counter("tieline_sync_runs_total", "Sync runs that ended, by how.", ["outcome"])
RECORDS = Counter("tieline_sync_records_total", "Records saved, by whether they were new.", ["change"])
ACTIVE = Gauge(
    "tieline_sync_active_runs", "Runs that are queued, or being worked on, in the whole installation.", ["state"]
)
STALLED = Gauge(
    "tieline_sync_oldest_progress_seconds",
    "Time since the active run that has gone longest without progress made some; 0 if no run is active.",
)
