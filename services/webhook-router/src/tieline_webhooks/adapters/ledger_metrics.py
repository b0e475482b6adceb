"""The ledger as metrics, over all workspaces; which of them does not balance is in the log."""

import asyncio
import logging

from prometheus_client import Gauge
from tieline.errors import TransientError

from tieline_webhooks.adapters.mongo_ledger import MongoLedger

EVERY_SECONDS = 15.0
MOST_WORKSPACES = 10_000

ENTRIES = Gauge("tieline_ledger_entries", "Deliveries, and events that led to none, by where they stand.", ["account"])
UNBALANCED = Gauge("tieline_ledger_unbalanced_workspaces", "Workspaces whose books do not add up; always 0.")

log = logging.getLogger(__name__)


async def show_ledger(ledger: MongoLedger) -> None:
    """Read the books now and then, until cancelled."""
    while True:
        try:
            balances = await ledger.balances(limit=MOST_WORKSPACES)
        except TransientError as error:
            log.info("the ledger could not be read", extra={"reason": str(error)})
        else:
            for account in ("received", "delivered", "pending", "parked", "dead"):
                ENTRIES.labels(account).set(sum(getattr(each, account) for each in balances.values()))
            ENTRIES.labels("suppressed").set(sum(each.suppressed_total for each in balances.values()))
            wrong = [workspace_id for workspace_id, each in balances.items() if not each.balanced]
            UNBALANCED.set(len(wrong))
            if wrong:
                log.error("the books of workspaces do not add up", extra={"workspaces": wrong[:20]})
        await asyncio.sleep(EVERY_SECONDS)
