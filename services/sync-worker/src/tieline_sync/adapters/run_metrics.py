"""How runs get on, read from the database before each scrape."""

from tieline.clock import Clock
from tieline.observability.scrapes import look_before_scrapes

from tieline_sync.adapters.mongo.database import RUNS, Database, database_errors
from tieline_sync.handlers.metrics import ACTIVE, STALLED

MOST_LOOKED_AT = 10_000


def show_runs(database: Database, clock: Clock) -> None:
    """Set the gauges before each scrape, as long as the process lives."""
    runs = database.collection(RUNS)

    async def look() -> None:
        with database_errors():
            active = await runs.find(
                {"active": True}, {"state": 1, "progressed_at": 1, "requested_at": 1}, limit=MOST_LOOKED_AT
            ).to_list()
        now = clock()
        for state in ("queued", "running"):
            ACTIVE.labels(state).set(sum(run["state"] == state for run in active))
        idle = (now - (run.get("progressed_at") or run["requested_at"]) for run in active)
        STALLED.set(max((each.total_seconds() for each in idle), default=0.0))

    look_before_scrapes(look)
