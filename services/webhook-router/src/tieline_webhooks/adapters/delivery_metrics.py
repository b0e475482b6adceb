"""What the router tells as metrics beside its ledger: the spool, the breakers, how long deliveries wait."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

from prometheus_client import Gauge
from pymongo.asynchronous.database import AsyncDatabase
from tieline.clock import Clock
from tieline.observability.scrapes import look_before_scrapes

from tieline_webhooks.adapters.mongo import DELIVERIES, Document, translated
from tieline_webhooks.adapters.spool import Spool
from tieline_webhooks.domain.deliveries import State
from tieline_webhooks.handlers.pace import Paces

MOST_LOOKED_AT = 20_000  # pending deliveries; with more of them the oldest may be older still

SPOOL_BYTES = Gauge("tieline_spool_bytes", "Room that accepted events take on this replica's disk.")
SPOOL_RECORDS = Gauge("tieline_spool_records", "Accepted events on this replica's disk that are not in Kafka yet.")
SPOOL_LIMIT = Gauge("tieline_spool_limit_bytes", "Room for them; beyond it webhooks are answered with 503.")
BREAKERS = Gauge(
    "tieline_breakers_destinations",
    "Destinations with failures in a row that this replica sends to: left alone for now, or tried with one message.",
    ["state"],
)
OLDEST = Gauge(
    "tieline_delivery_oldest_pending_seconds",
    "Age of the oldest delivery that is to be sent, held back by a rate limit or waiting for a retry; 0 if none is.",
)
SECRETS_MISSING = Gauge(
    "tieline_webhook_secrets_missing", "Integrations whose webhook secret could not be read from the registry yet."
)


def show_deliveries(
    *,
    database: "AsyncDatabase[Document]",
    spool: Spool,
    spool_limit: int,
    paces: Paces,
    secrets_missing: Callable[[], int],
    clock: Clock,
) -> ExitStack:
    """Set the gauges before each scrape, until what is returned is closed."""
    SPOOL_LIMIT.set(spool_limit)

    async def memory() -> None:
        SPOOL_BYTES.set(spool.bytes_used)
        SPOOL_RECORDS.set(spool.waiting)
        SECRETS_MISSING.set(secrets_missing())
        for state, number in paces.breakers().items():
            BREAKERS.labels(state).set(number)

    async def oldest() -> None:
        stages: list[Document] = [
            {"$match": {"state": State.PENDING.value}},
            {"$limit": MOST_LOOKED_AT},
            {"$group": {"_id": None, "created_at": {"$min": "$created_at"}}},
        ]
        async with translated():
            found = await (await database[DELIVERIES].aggregate(stages)).to_list()
        age = clock() - found[0]["created_at"] if found else timedelta(0)
        OLDEST.set(max(age.total_seconds(), 0.0))

    stack = ExitStack()
    stack.callback(look_before_scrapes(memory))
    stack.callback(look_before_scrapes(oldest))
    return stack
