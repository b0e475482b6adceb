"""Datasets and their versions in MongoDB."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from tieline.contracts.base import JsonObject

from tieline_sync.adapters.mongo.database import DATASETS, VERSIONS, Database, Document, database_errors
from tieline_sync.domain.datasets import Dataset, DatasetVersion, dataset_id_of
from tieline_sync.domain.errors import DatasetMovedError
from tieline_sync.domain.revisions import Lineage


class MongoDatasetStore:
    """Datasets: which version is the present one, and the numbers given out so far."""

    def __init__(self, database: Database) -> None:
        self._datasets = database.collection(DATASETS)
        self._versions = database.collection(VERSIONS)

    async def get(self, workspace_id: str, integration_id: str) -> Dataset:
        """Return the dataset of an integration; an empty one when nothing was saved yet."""
        dataset_id = dataset_id_of(workspace_id, integration_id)
        with database_errors():
            document = await self._datasets.find_one({"_id": dataset_id})
        if document is None:
            return Dataset(id=dataset_id, workspace_id=workspace_id, integration_id=integration_id)
        current = document["current"]
        return Dataset(
            id=dataset_id,
            workspace_id=workspace_id,
            integration_id=integration_id,
            current=await self.version(dataset_id, current) if current else None,
            latest=document["latest"],
            generation=document["generation"],
            places=document["places"],
        )

    async def version(self, dataset_id: str, version: int) -> DatasetVersion | None:
        """Return one version, or None."""
        with database_errors():
            document = await self._versions.find_one({"_id": _key(dataset_id, version)})
        return None if document is None else _version(document)

    async def versions(self, dataset_id: str) -> AsyncIterator[DatasetVersion]:
        """Yield the versions, newest first."""
        with database_errors():
            async for document in self._versions.find({"dataset_id": dataset_id}).sort([("version", -1)]):
                yield _version(document)

    async def allocate(self, dataset: Dataset, *, run_id: str, places: int) -> tuple[int, int]:
        """Return a generation for a run and the place before its first; repeated for the same run, the same."""
        fresh = {
            "workspace_id": dataset.workspace_id,
            "integration_id": dataset.integration_id,
            "current": None,
            "latest": 0,
            "generation": 0,
            "places": 0,
            "allocated": None,
        }
        with database_errors():
            await self._datasets.update_one({"_id": dataset.id}, {"$setOnInsert": fresh}, upsert=True)
            while True:
                document = await self._datasets.find_one({"_id": dataset.id})
                if document is None:
                    raise DatasetMovedError
                given = document["allocated"]
                if given is not None and given["run_id"] == run_id:
                    return given["generation"], given["first_place"]
                generation, first = document["generation"] + 1, document["places"]
                await self._datasets.update_one(
                    {"_id": dataset.id, "generation": document["generation"]},
                    {
                        "$set": {
                            "generation": generation,
                            "places": first + places,
                            "allocated": {"run_id": run_id, "generation": generation, "first_place": first},
                        }
                    },
                )

    async def publish(self, dataset: Dataset, version: DatasetVersion) -> DatasetVersion:
        """Make a version and point the dataset at it; repeated for the same run, return the one made.

        Raises DatasetMovedError when the dataset no longer points at the version's parent.
        """
        if dataset.current is not None and dataset.current.run_id == version.run_id:
            return dataset.current
        document = _document(dataset.id, version)
        with database_errors():
            present = await self._datasets.find_one({"_id": dataset.id})
            if present is None or present["latest"] >= version.version:
                raise DatasetMovedError
            # A version past `latest` was never pointed at: a run left it when it was stopped just before that.
            await self._versions.replace_one({"_id": document["_id"]}, document, upsert=True)
            moved = await self._datasets.update_one(
                {"_id": dataset.id, "current": version.parent},
                {"$set": {"current": version.version, "latest": version.version}},
            )
            if not moved.matched_count:
                raise DatasetMovedError
        return version

    async def point_at(self, dataset: Dataset, version: int) -> bool:
        """Make `version` the present one; False when the dataset has moved since it was read."""
        current = dataset.current.version if dataset.current else None
        with database_errors():
            moved = await self._datasets.update_one(
                {"_id": dataset.id, "current": current}, {"$set": {"current": version}}
            )
        return moved.matched_count > 0

    async def prune(self, dataset_id: str, *, keep: int) -> None:
        """Forget all versions but the newest `keep` and the present one."""
        with database_errors():
            dataset = await self._datasets.find_one({"_id": dataset_id})
            if dataset is None or dataset["latest"] <= keep:
                return
            oldest_kept = dataset["latest"] - keep + 1
            await self._versions.delete_many(
                {"dataset_id": dataset_id, "version": {"$lt": oldest_kept, "$ne": dataset["current"]}}
            )

    async def note_read_up_to(self, dataset: Dataset, *, resume: JsonObject) -> None:
        """Store how far the provider was read by a run that found nothing new."""
        if dataset.current is not None:
            with database_errors():
                await self._versions.update_one(
                    {"_id": _key(dataset.id, dataset.current.version)}, {"$set": {"resume": resume}}
                )


def _key(dataset_id: str, version: int) -> str:
    return f"{dataset_id}/{version}"


def _document(dataset_id: str, version: DatasetVersion) -> Document:
    return {
        "_id": _key(dataset_id, version.version),
        "dataset_id": dataset_id,
        "version": version.version,
        "generation": version.generation,
        "lineage": [list(part) for part in version.lineage.ranges],
        "parent": version.parent,
        "run_id": version.run_id,
        "created_at": version.created_at,
        "records": version.records,
        "added": version.added,
        "updated": version.updated,
        "removed": version.removed,
        "places": version.places,
        "resume": version.resume,
    }


def _version(document: Mapping[str, Any]) -> DatasetVersion:
    return DatasetVersion(
        version=document["version"],
        generation=document["generation"],
        lineage=Lineage(tuple((first, last) for first, last in document["lineage"])),
        parent=document["parent"],
        run_id=document["run_id"],
        created_at=document["created_at"],
        records=document["records"],
        added=document["added"],
        updated=document["updated"],
        removed=document["removed"],
        places=document["places"],
        resume=document["resume"],
    )
