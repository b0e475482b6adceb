"""Which message of a channel tells about what, so that it can be changed when the thing changes."""

from datetime import timedelta
from hashlib import sha256

from pymongo.asynchronous.database import AsyncDatabase

from tieline_webhooks.adapters.mongo import MESSAGES, Document, translated
from tieline_webhooks.ports import ShownMessage


class MongoMessages:
    """One document per destination and subject, kept for as long as an edit makes sense."""

    def __init__(self, database: "AsyncDatabase[Document]", *, keep: timedelta) -> None:
        self._messages = database[MESSAGES]
        self._keep = keep

    async def find(self, destination: str, subject: str) -> ShownMessage | None:
        """Return the message that tells about a subject at a destination, None if there is none."""
        async with translated():
            found = await self._messages.find_one({"_id": _key(destination, subject)})
        if found is None:
            return None
        return ShownMessage(
            message_id=found["message_id"],
            state=found["state"],
            position=found["position"],
            received_at=found["received_at"],
        )

    async def save(self, destination: str, subject: str, shown: ShownMessage) -> None:
        """Remember it."""
        async with translated():
            await self._messages.update_one(
                {"_id": _key(destination, subject)},
                {
                    "$set": {
                        "message_id": shown.message_id,
                        "state": shown.state,
                        "position": shown.position,
                        "received_at": shown.received_at,
                        "expires_at": shown.received_at + self._keep,
                    }
                },
                upsert=True,
            )


def _key(destination: str, subject: str) -> str:
    """Return a key of bounded length; a subject may be long."""
    return sha256(f"{destination}\0{subject}".encode("utf-8", "surrogatepass")).hexdigest()
