"""Records in MongoDB: one document each with its newest revision, earlier contents in an archive of their own.

A batch of new records is one insert of many. Records that exist are read, revised (`tieline_sync.domain.revisions`) and
replaced under the condition that their newest revision is still the one that was read, so that a worker that lost its
lease can only write what the rightful one writes as well.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from tieline_sync.adapters.mongo.contents import stored
from tieline_sync.adapters.mongo.database import RECORDS, REVISIONS, Collection, Database, Document, database_errors
from tieline_sync.domain.revisions import ADDED, UPDATED, Head, Mark, Revising, Revision, revise
from tieline_sync.ports import NumberedRecord

DUPLICATE_KEY = 11_000
LOOKED_UP_AT_ONCE = 100  # an `$in` costs its length for every document found on the embedded server

ARCHIVED_FIELDS = frozenset({"dataset_id", "record_id", "label", "data", "json"})
WITHOUT_CONTENTS = {"data": 0, "json": 0}


class MongoRecordStore:
    """Records by dataset and id, and by place."""

    def __init__(self, database: Database) -> None:
        self._records = database.collection(RECORDS)
        self._archive = database.collection(REVISIONS)

    async def heads(self, dataset_id: str, ids: Sequence[str]) -> Mapping[str, Head]:
        """Return what is stored of these records, by id, without contents."""
        found = await self._documents(dataset_id, ids, WITHOUT_CONTENTS)
        return {document["record_id"]: head_of(document) for document in found}

    async def save_batch(
        self, dataset_id: str, run: Revising, *, batch: int, records: Sequence[NumberedRecord]
    ) -> tuple[int, int]:
        """Save a batch and return how many records it added and updated. Repeating it changes and returns the same."""
        latest = list({numbered.record.id: numbered for numbered in records}.values())
        new = [numbered for numbered in latest if not numbered.is_known]
        met_before = await self._insert(dataset_id, run, batch, new)
        added = len(new) - len(met_before)
        existing = [numbered for numbered in latest if numbered.is_known] + met_before
        counted = await self._revise(dataset_id, run, batch, existing) if existing else Counter()
        return added + counted[ADDED], counted[UPDATED]

    async def _insert(
        self, dataset_id: str, run: Revising, batch: int, new: Sequence[NumberedRecord]
    ) -> list[NumberedRecord]:
        """Insert records and return those that are there already."""
        if not new:
            return []
        documents = [_new_document(dataset_id, run.generation, batch, numbered) for numbered in new]
        try:
            with database_errors():
                await self._records.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if any(wrong["code"] != DUPLICATE_KEY for wrong in failed):
                raise
            return [new[wrong["index"]] for wrong in failed]
        return []

    async def _revise(
        self, dataset_id: str, run: Revising, batch: int, existing: Sequence[NumberedRecord]
    ) -> Counter[str | None]:
        by_id = {numbered.record.id: numbered.record for numbered in existing}
        counted: Counter[str | None] = Counter()
        archived: list[ReplaceOne[Document]] = []
        dropped: list[str] = []
        replaced: list[ReplaceOne[Document]] = []
        for document in await self._documents(dataset_id, list(by_id)):
            record, head = by_id[document["record_id"]], head_of(document)
            revision = revise(head, record, batch=batch, run=run)
            counted[revision.counted] += 1
            if revision.archived is not None:
                archived.append(_archiving(document))
            dropped += [f"{document['_id']}/{generation}" for generation in revision.dropped]
            if revision.head != head:
                replaced.append(_replacing(document, revision, record.label, stored(record.data)))
        with database_errors():
            # The old contents first: a crash in between leaves them in both places, which a repetition sorts out.
            await _write(self._archive, archived)
            await _write(self._records, replaced)
            if dropped:
                await self._archive.delete_many({"_id": {"$in": dropped}})
        return counted

    async def _documents(
        self, dataset_id: str, ids: Sequence[str], projection: Mapping[str, int] | None = None
    ) -> list[Document]:
        found: list[Document] = []
        with database_errors():
            for start in range(0, len(ids), LOOKED_UP_AT_ONCE):
                keys = [key_of(dataset_id, record_id) for record_id in ids[start : start + LOOKED_UP_AT_ONCE]]
                found += await self._records.find({"_id": {"$in": keys}}, projection).to_list()
        return found


async def _write(collection: Collection, operations: Sequence[ReplaceOne[Document]]) -> None:
    if operations:
        await collection.bulk_write(operations, ordered=False)


def key_of(dataset_id: str, record_id: str) -> str:
    """Return the `_id` of a record."""
    return f"{dataset_id}/{record_id}"


def archive_key(dataset_id: str, record_id: str, generation: int) -> str:
    """Return the `_id` of an earlier revision."""
    return f"{key_of(dataset_id, record_id)}/{generation}"


def head_of(document: Document) -> Head:
    """Return what a record's document says besides its content."""
    return Head(
        id=document["record_id"],
        place=document["place"],
        batch=document["batch"],
        newest=_mark(document),
        older=tuple(_mark(mark) for mark in document.get("older", ())),
    )


def _mark(document: Mapping[str, Any]) -> Mark:
    return Mark(
        generation=document["generation"],
        superseded_by=tuple(document.get("superseded_by", ())),
        content_hash=document["hash"],
    )


def _mark_fields(mark: Mark) -> Document:
    fields: Document = {"generation": mark.generation, "hash": mark.content_hash}
    if mark.superseded_by:
        fields["superseded_by"] = list(mark.superseded_by)
    return fields


def _new_document(dataset_id: str, generation: int, batch: int, numbered: NumberedRecord) -> Document:
    record = numbered.record
    return {
        "_id": key_of(dataset_id, record.id),
        "dataset_id": dataset_id,
        "place": numbered.place,
        "record_id": record.id,
        "label": record.label,
        "batch": batch,
        "generation": generation,
        "hash": record.content_hash(),
        **stored(record.data),
    }


def _archiving(document: Document) -> ReplaceOne[Document]:
    key = f"{document['_id']}/{document['generation']}"
    content = {name: value for name, value in document.items() if name in ARCHIVED_FIELDS}
    return ReplaceOne({"_id": key}, content, upsert=True)


def _replacing(document: Document, revision: Revision, label: str, content: Document) -> ReplaceOne[Document]:
    head = revision.head
    fields: Document = {
        "dataset_id": document["dataset_id"],
        "place": head.place,
        "record_id": head.id,
        "label": label,
        "batch": head.batch,
        **_mark_fields(head.newest),
        **content,
    }
    if head.older:
        fields["older"] = [_mark_fields(mark) for mark in head.older]
    return ReplaceOne({"_id": document["_id"], "generation": document["generation"]}, fields)
