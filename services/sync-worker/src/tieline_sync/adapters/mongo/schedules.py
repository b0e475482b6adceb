"""Schedules in MongoDB, one an integration. `due_at` is when a schedule may be claimed; a claim moves it on."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from tieline_sync.adapters.mongo.database import SCHEDULES, Database, Document, database_errors
from tieline_sync.domain.schedules import Schedule


class MongoScheduleStore:
    """Schedules by integration, and by when they are due."""

    def __init__(self, database: Database) -> None:
        self._schedules = database.collection(SCHEDULES)

    async def get(self, workspace_id: str, integration_id: str) -> Schedule | None:
        """Return an integration's schedule, or None."""
        with database_errors():
            document = await self._schedules.find_one({"_id": integration_id, "workspace_id": workspace_id})
        return None if document is None else _schedule(document)

    async def put(self, schedule: Schedule) -> None:
        """Store a schedule, in the place of the integration's earlier one."""
        with database_errors():
            await self._schedules.replace_one({"_id": schedule.integration_id}, _document(schedule), upsert=True)

    async def delete(self, workspace_id: str, integration_id: str) -> Schedule | None:
        """Delete a schedule and return it, or None."""
        with database_errors():
            document = await self._schedules.find_one_and_delete({"_id": integration_id, "workspace_id": workspace_id})
        return None if document is None else _schedule(document)

    async def claim_due(self, now: datetime, *, until: datetime) -> Schedule | None:
        """Return the schedule that is due longest, if any; nobody else gets it before `until`."""
        with database_errors():
            document = await self._schedules.find_one_and_update(
                {"paused": False, "due_at": {"$lte": now}},
                {"$set": {"due_at": until}},
                sort=[("due_at", 1)],
                return_document=ReturnDocument.BEFORE,
            )
        return None if document is None else _schedule(document)

    async def advance(self, claimed: Schedule, following: Schedule) -> None:
        """Store the planned time after the claimed one, unless the schedule was changed meanwhile."""
        with database_errors():
            await self._schedules.update_one(
                {"_id": claimed.integration_id, "planned_at": claimed.planned_at, "saved_at": claimed.saved_at},
                {
                    "$set": {
                        "planned_at": following.planned_at,
                        "due_at": following.due_at,
                        "last_at": following.last_at,
                    }
                },
            )


def _document(schedule: Schedule) -> Document:
    return {
        "workspace_id": schedule.workspace_id,
        "saved_at": schedule.saved_at,
        "cron": schedule.cron,
        "every": None if schedule.every is None else schedule.every.total_seconds(),
        "time_zone": schedule.time_zone,
        "jitter": schedule.jitter.total_seconds(),
        "paused": schedule.paused,
        "batch_size": schedule.batch_size,
        "planned_at": schedule.planned_at,
        "due_at": schedule.due_at,
        "last_at": schedule.last_at,
    }


def _schedule(document: Mapping[str, Any]) -> Schedule:
    every = document["every"]
    return Schedule(
        workspace_id=document["workspace_id"],
        integration_id=document["_id"],
        saved_at=document["saved_at"],
        cron=document["cron"],
        every=None if every is None else timedelta(seconds=every),
        time_zone=document["time_zone"],
        jitter=timedelta(seconds=document["jitter"]),
        paused=document["paused"],
        batch_size=document["batch_size"],
        planned_at=document["planned_at"],
        last_at=document["last_at"],
    )
