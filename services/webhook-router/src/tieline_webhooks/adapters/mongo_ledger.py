"""The ledger's books: a few documents per workspace, each of which balances by itself.

Writers in different processes add to different documents, so that they don't get in each other's way; a balance is the
sum of a workspace's documents. Amounts are added in the transaction of the change that they book.
"""

from collections import Counter

from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from tieline_webhooks.adapters.mongo import LEDGER, Document, translated
from tieline_webhooks.domain.ledger import Balance, Booking

STRIPES = 128  # so many that a process seldom meets what a killed one's transaction holds locked for a minute
_SUPPRESSED = "suppressed."


class MongoLedger:
    """Adds to the books and reads them. `stripe` tells this writer's documents from others'."""

    def __init__(self, database: "AsyncDatabase[Document]") -> None:
        self._books = database[LEDGER]

    async def book(self, booking: Booking, stripe: int, session: AsyncClientSession) -> None:
        """Add the amounts of a booking, as part of the session's transaction."""
        additions = [
            UpdateOne(
                {"_id": f"{workspace_id}/{stripe % STRIPES}"},
                {
                    "$inc": {_field(account): amount for account, amount in amounts.items()},
                    "$set": {"ws": workspace_id},
                },
                upsert=True,
            )
            for workspace_id, amounts in booking.amounts().items()
        ]
        if additions:
            await self._books.bulk_write(additions, ordered=False, session=session)

    async def balance(self, workspace_id: str) -> Balance:
        """Return the books of a workspace; all zero if nothing was received. Raises DatabaseUnavailableError."""
        sums: Counter[str] = Counter()
        async with translated():
            async for found in self._books.find({"ws": workspace_id}):
                _add(sums, found)
        return _balance(sums)

    async def balances(self, *, limit: int) -> dict[str, Balance]:
        """Return the books of up to `limit` workspaces. Raises DatabaseUnavailableError."""
        sums: dict[str, Counter[str]] = {}
        async with translated():
            async for found in self._books.find({}).limit(limit * STRIPES):
                _add(sums.setdefault(found["ws"], Counter()), found)
        return {workspace_id: _balance(amounts) for workspace_id, amounts in sums.items()}


def _field(account: str) -> str:
    return f"amounts.{account}"


def _add(sums: Counter[str], found: Document) -> None:
    for account, amount in found.get("amounts", {}).items():
        if isinstance(amount, dict):
            for reason, of_reason in amount.items():
                sums[f"{account}.{reason}"] += of_reason
        else:
            sums[account] += amount


def _balance(sums: Counter[str]) -> Balance:
    return Balance(
        received=sums["received"],
        delivered=sums["delivered"],
        pending=sums["pending"],
        parked=sums["parked"],
        dead=sums["dead"],
        suppressed={
            account.removeprefix(_SUPPRESSED): amount
            for account, amount in sorted(sums.items())
            if account.startswith(_SUPPRESSED) and amount
        },
    )
