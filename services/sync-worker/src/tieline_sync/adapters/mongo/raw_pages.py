"""Raw pages in MongoDB: the provider's answers as they came, compressed."""

import zlib
from array import array

from pymongo.errors import DuplicateKeyError

from tieline_sync.adapters.mongo.database import RAW_PAGES, Database, Document, database_errors
from tieline_sync.domain.errors import LeaseLostError
from tieline_sync.domain.records import Pick
from tieline_sync.domain.runs import Run
from tieline_sync.ports import ListedPage, StoredPage

LEVEL = 3  # on JSON of 2 KB records: a third of the time of the default level 6 for a tenth more bytes


class MongoRawPages:
    """Pages by run and number; they expire by themselves."""

    def __init__(self, database: Database) -> None:
        self._pages = database.collection(RAW_PAGES)

    async def put(self, run: Run, page: StoredPage) -> None:
        """Store a page; storing the same number again replaces it. Raises LeaseLostError after a later lease did."""
        token = run.lease.token if run.lease else 0
        document: Document = {
            "run_id": page.run_id,
            "workspace_id": run.workspace_id,
            "integration_id": run.integration_id,
            "number": page.number,
            "body": zlib.compress(page.body, LEVEL),
            "bytes": len(page.body),
            "rows": page.rows,
            "picked_rows": array("i", (pick.row for pick in page.picks)).tobytes(),
            "picked_known": bytes(pick.is_known for pick in page.picks),
            "picked": len(page.picks),
            "picked_before": page.picked_before,
            "new_before": page.new_before,
            "fetched_at": page.fetched_at,
            "expires_at": page.expires_at,
            "lease_token": token,
        }
        # A page that is fetched again may differ, and the rightful worker goes by the one that it has stored.
        not_later = {"_id": _key(page.run_id, page.number), "lease_token": {"$not": {"$gt": token}}}
        try:
            with database_errors():
                await self._pages.replace_one(not_later, document, upsert=True)
        except DuplicateKeyError as error:
            raise LeaseLostError(run.id) from error

    async def get(self, run_id: str, number: int) -> StoredPage | None:
        """Return a page, or None."""
        with database_errors():
            document = await self._pages.find_one({"_id": _key(run_id, number)})
        if document is None:
            return None
        rows = array("i", document["picked_rows"])
        return StoredPage(
            run_id=run_id,
            number=number,
            body=zlib.decompress(document["body"]),
            picks=[Pick(row, bool(known)) for row, known in zip(rows, document["picked_known"], strict=True)],
            picked_before=document["picked_before"],
            new_before=document["new_before"],
            rows=document["rows"],
            fetched_at=document["fetched_at"],
            expires_at=document["expires_at"],
        )

    async def listed(self, run_id: str, *, first: int, most: int) -> list[ListedPage]:
        """Return up to `most` pages in order, from number `first` on."""
        with database_errors():
            found = await self._pages.find(
                {"run_id": run_id, "number": {"$gte": first, "$lt": first + most}},
                {"number": 1, "bytes": 1, "rows": 1, "picked": 1, "fetched_at": 1, "expires_at": 1, "_id": 0},
            ).to_list()
        return sorted((ListedPage(**page) for page in found), key=lambda page: page.number)

    async def number_holding(self, run_id: str, pick: int) -> int:
        """Return the number of the page that holds the run's pick at this position (from 0)."""
        with database_errors():
            found = (
                await self._pages.find({"run_id": run_id}, {"number": 1, "picked_before": 1, "picked": 1})
                .sort([("number", 1)])
                .to_list()
            )
        holding = [page["number"] for page in found if page["picked_before"] <= pick and page["picked"]]
        return holding[-1] if holding else 0


def _key(run_id: str, number: int) -> str:
    return f"{run_id}/{number:06d}"
