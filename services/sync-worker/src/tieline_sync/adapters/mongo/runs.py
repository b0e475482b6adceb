"""Runs in MongoDB.

A run that is not done has `active: true`, of which an integration may have one (a partial unique index). `due_at` is
when the run may be taken: the time of its next attempt, or, while it is leased, the end of the lease.
"""

from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from tieline_sync.adapters.mongo.database import RUNS, Database, Document, database_errors
from tieline_sync.domain.errors import LeaseLostError
from tieline_sync.domain.runs import Attachment, Lease, Run

_runs: TypeAdapter[Run] = TypeAdapter(Run)
_attachments: TypeAdapter[Attachment] = TypeAdapter(Attachment)

_STORED_APART = {"id", "lease", "attached", "cancelled_by", "attempts", "idle_attempts"}
_ANSWER = {"cancelled_by": 1}


class MongoRunStore:
    """Runs, taken by one worker at a time."""

    def __init__(self, database: Database) -> None:
        self._runs = database.collection(RUNS)

    async def find(self, run_id: str) -> Run | None:
        """Return a run, or None."""
        return await self._find({"_id": run_id})

    async def find_attached(self, run_id: str) -> Run | None:
        """Return the run that a start with this id was attached to, or None."""
        return await self._find({"attached.run_id": run_id})

    async def find_active(self, workspace_id: str, integration_id: str) -> Run | None:
        """Return the integration's run that is not done yet, or None."""
        return await self._find({"integration_id": integration_id, "workspace_id": workspace_id, "active": True})

    async def history(self, workspace_id: str, integration_id: str, *, limit: int, offset: int) -> list[Run]:
        """Return the integration's runs, newest first."""
        with database_errors():
            found = (
                await self._runs.find({"workspace_id": workspace_id, "integration_id": integration_id})
                .sort([("requested_at", -1)])
                .skip(offset)
                .limit(limit)
                .to_list()
            )
        return [_run(document) for document in found]

    async def count(self, workspace_id: str, integration_id: str) -> int:
        """Return how many runs of the integration are kept."""
        with database_errors():
            return await self._runs.count_documents({"workspace_id": workspace_id, "integration_id": integration_id})

    async def add(self, run: Run) -> bool:
        """Store a queued run; False when the integration has an active one or the id is taken."""
        document = {
            **_progress(run),
            "_id": run.id,
            "active": True,
            "due_at": run.requested_at,
            "attached": [],
            "cancelled_by": None,
            "attempts": 0,
            "idle_attempts": 0,
            "lease_owner": None,
            "lease_token": 0,
        }
        try:
            with database_errors():
                await self._runs.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def attach(self, run_id: str, attachment: Attachment) -> bool:
        """Note a second start on an active run; False when it is done."""
        noted = _attachments.dump_python(attachment)
        with database_errors():
            result = await self._runs.update_one({"_id": run_id, "active": True}, {"$addToSet": {"attached": noted}})
            if result.matched_count:
                return True
            return await self._runs.find_one({"_id": run_id, "attached.run_id": attachment.run_id}) is not None

    async def request_cancel(
        self, workspace_id: str, integration_id: str, run_id: str, *, by: str, at: datetime
    ) -> bool:
        """Ask an active run (or the one that `run_id` was attached to) to stop; False when there is none."""
        meant = {
            "integration_id": integration_id,
            "workspace_id": workspace_id,
            "active": True,
            "$or": [{"_id": run_id}, {"attached.run_id": run_id}],
        }
        with database_errors():
            result = await self._runs.update_one({**meant, "cancelled_by": None}, {"$set": {"cancelled_by": by}})
            await self._runs.update_one({**meant, "lease_owner": None, "due_at": {"$gt": at}}, {"$set": {"due_at": at}})
        return result.matched_count > 0

    async def lease(self, owner: str, *, now: datetime, ttl: timedelta) -> Run | None:
        """Take the run that waits longest and is due, if any."""
        with database_errors():
            document = await self._runs.find_one_and_update(
                {"active": True, "due_at": {"$lte": now}},
                {
                    "$set": {"lease_owner": owner, "due_at": now + ttl, "state": "running"},
                    "$inc": {"lease_token": 1, "attempts": 1, "idle_attempts": 1},
                },
                sort=[("due_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        return None if document is None else _run(document)

    async def renew(self, run: Run, *, until: datetime) -> str | None:
        """Prolong the lease; return who asked to cancel, if anybody."""
        return await self._update(run, {"$set": {"due_at": until}})

    async def save(self, run: Run, *, progressed: bool = False) -> str | None:
        """Store the run's progress under its lease; return who asked to cancel, if anybody."""
        fields = _progress(run)
        del fields["state"]
        if progressed:
            fields["idle_attempts"] = 0
        return await self._update(run, {"$set": fields})

    async def release(self, run: Run, *, next_attempt_at: datetime, error: str | None, counts: bool) -> None:
        """Give the lease back; the run is due again at `next_attempt_at`."""
        update: Document = {"$set": {"lease_owner": None, "due_at": next_attempt_at, "state": "queued"}}
        if error is not None:
            update["$set"]["last_error"] = error
        if not counts:
            update["$set"]["idle_attempts"] = max(run.idle_attempts - 1, 0)
        await self._update(run, {**update, "$inc": {"lease_token": 1}})

    async def finish(self, run: Run, *, expires_at: datetime) -> None:
        """Store that the run's last event is published: it is no longer active."""
        state = run.outcome.state if run.outcome else run.state
        await self._update(
            run,
            {
                "$set": {"state": state, "lease_owner": None, "expires_at": expires_at},
                "$unset": {"active": "", "due_at": ""},
                "$inc": {"lease_token": 1},
            },
        )

    async def _update(self, run: Run, update: Document) -> str | None:
        token = run.lease.token if run.lease else 0
        with database_errors():
            document = await self._runs.find_one_and_update(
                {"_id": run.id, "active": True, "lease_token": token}, update, projection=_ANSWER
            )
        if document is None:
            raise LeaseLostError(run.id)
        return document.get("cancelled_by")

    async def _find(self, query: Document) -> Run | None:
        with database_errors():
            document = await self._runs.find_one(query)
        return None if document is None else _run(document)


def _progress(run: Run) -> Document:
    fields: dict[str, Any] = _runs.dump_python(run)
    return {name: value for name, value in fields.items() if name not in _STORED_APART}


def _run(document: Document) -> Run:
    owner = document["lease_owner"]
    lease = Lease(owner=owner, token=document["lease_token"], until=document["due_at"]) if owner else None
    return _runs.validate_python({**document, "id": document["_id"], "lease": lease})
