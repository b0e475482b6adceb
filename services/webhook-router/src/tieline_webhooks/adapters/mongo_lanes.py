"""Leases on destinations in MongoDB."""

import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from tieline_webhooks.adapters.mongo import DELIVERIES, LANES, Document, translated
from tieline_webhooks.domain.deliveries import State
from tieline_webhooks.domain.lanes import Lease

MOST_LOOKED_AT = 50_000


class MongoLanes:
    """Who sends to which destination. `owner` names this replica; after a restart it has the same name."""

    def __init__(self, database: "AsyncDatabase[Document]", *, owner: str, lease: timedelta) -> None:
        self._lanes = database[LANES]
        self._deliveries = database[DELIVERIES]
        self._owner = owner
        self._lease = lease

    async def take(self, destination: str, *, token: str, now: datetime) -> Lease | None:
        """Take a destination that nobody holds, or whose lease has expired; None if it is held."""
        until = now + self._lease
        async with translated():
            try:
                await self._lanes.update_one(
                    {"_id": destination, "until": {"$lt": now}},
                    {"$set": {"owner": self._owner, "token": token, "until": until}},
                    upsert=True,
                )
            except DuplicateKeyError:
                return None
        return Lease(destination=destination, token=token, until=until)

    async def extend(self, leases: Sequence[Lease], *, now: datetime) -> set[str]:
        """Hold on to destinations; return the tokens that are still in force."""
        mine = {"_id": {"$in": [each.destination for each in leases]}, "owner": self._owner}
        async with translated():
            await self._lanes.update_many({**mine, "until": {"$gte": now}}, {"$set": {"until": now + self._lease}})
            found = self._lanes.find({**mine, "until": {"$gt": now}}, {"token": True})
            return {each["token"] async for each in found} & {each.token for each in leases}

    async def give_back(self, leases: Sequence[Lease]) -> None:
        """Let go of destinations."""
        async with translated():
            await self._lanes.delete_many(
                {
                    "_id": {"$in": [each.destination for each in leases]},
                    "token": {"$in": [each.token for each in leases]},
                }
            )

    async def give_back_former(self) -> None:
        """Let go of what a former process of this name held; call it once, at start."""
        async with translated():
            await self._lanes.delete_many({"owner": self._owner})

    async def waiting(self, *, now: datetime, except_for: Collection[str], limit: int) -> list[str]:
        """Return destinations that have something due, other than those given; which, if there are more, is chance.

        So those of one workspace, were they all to stay due, can't hide the others' for ever.
        """
        due = {"state": State.PENDING.value, "destination": {"$nin": list(except_for)}, "due": {"$lte": now}}
        stages: list[Document] = [{"$match": due}, {"$group": {"_id": "$destination"}}, {"$limit": MOST_LOOKED_AT}]
        async with translated():
            found = await (await self._deliveries.aggregate(stages)).to_list()
        return random.sample([each["_id"] for each in found], min(limit, len(found)))
