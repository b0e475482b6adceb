"""Reading records back: windows over places, and earlier contents from the archive."""

from collections.abc import Mapping, Sequence

from tieline.contracts.base import JsonObject

from tieline_sync.adapters.mongo.contents import from_stored
from tieline_sync.adapters.mongo.database import RECORDS, REVISIONS, Database, database_errors
from tieline_sync.adapters.mongo.records import LOOKED_UP_AT_ONCE, archive_key, head_of
from tieline_sync.ports import StoredRecord


class MongoRecordReader:
    """Records by place; needs the index {dataset_id: 1, place: 1}.

    Both ends of a window are given: the embedded server reads the whole range before it looks at a limit.
    """

    def __init__(self, database: Database) -> None:
        self._records = database.collection(RECORDS)
        self._archive = database.collection(REVISIONS)

    async def window(self, dataset_id: str, after: int, to: int) -> list[StoredRecord]:
        """Return the records whose place is past `after` and at most `to`, by place."""
        with database_errors():
            found = await self._records.find(
                {"dataset_id": dataset_id, "place": {"$gt": after, "$lte": to}}, batch_size=to - after + 1
            ).to_list()
        stored = [
            StoredRecord(head=head_of(document), label=document["label"], data=from_stored(document))
            for document in found
        ]
        return sorted(stored, key=lambda record: record.place)

    async def archived(
        self, dataset_id: str, revisions: Sequence[tuple[str, int]]
    ) -> Mapping[tuple[str, int], tuple[str, JsonObject]]:
        """Return label and content of earlier revisions, by record id and generation."""
        by_key = {archive_key(dataset_id, *revision): revision for revision in revisions}
        keys = list(by_key)
        contents: dict[tuple[str, int], tuple[str, JsonObject]] = {}
        with database_errors():
            for start in range(0, len(keys), LOOKED_UP_AT_ONCE):
                wanted = {"_id": {"$in": keys[start : start + LOOKED_UP_AT_ONCE]}}
                for document in await self._archive.find(wanted).to_list():
                    contents[by_key[document["_id"]]] = (document["label"], from_stored(document))
        return contents
