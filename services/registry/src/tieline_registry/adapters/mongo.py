"""The connection to MongoDB, and what its errors mean.

Anything MongoDB says is taken as passing unless it can't pass: a wrong password or a missing replica set is mended by
an operator, while the commands wait; only a document that MongoDB can't hold is refused for good.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError
from tieline.errors import DatabaseUnavailableError, PermanentError
from tieline.observability.mongo import command_listeners
from tieline.settings import MongoSettings

from tieline_registry.handlers.ports import ConflictError

Document = dict[str, Any]
Client = AsyncMongoClient[Document]
Database = AsyncDatabase[Document]

_DUPLICATE_KEY = 11000
_WRITE_CONFLICT = 112
_TOO_LARGE = 10334


class DocumentRefusedError(PermanentError):
    """MongoDB can't hold a document, however often it is tried."""


def connect(settings: MongoSettings) -> Client:
    """Return a client; it connects when it is first used, and again whenever it has to."""
    milliseconds = int(settings.timeout.total_seconds() * 1000)
    return AsyncMongoClient(
        settings.url.get_secret_value(),
        appname="tieline-registry",
        tz_aware=True,
        timeoutMS=milliseconds,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        maxPoolSize=settings.max_pool_size,
        w="majority",
        event_listeners=command_listeners(),
    )


async def missing(client: Client) -> str | None:
    """Return None when MongoDB answers and has transactions, else one sentence saying what is missing."""
    try:
        hello = await client.admin.command("hello")
    except PyMongoError as error:
        return f"MongoDB does not answer: {type(error).__name__}"
    if "setName" in hello or hello.get("msg") == "isdbgrid":
        return None
    return "MongoDB is no replica set, so it has no transactions"


@contextmanager
def driver_errors() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except (DocumentTooLarge, BSONError) as error:
        raise DocumentRefusedError(f"MongoDB can't hold a document: {type(error).__name__}") from error
    except PyMongoError as error:
        raise _translated(error) from error


def _translated(error: PyMongoError) -> Exception:
    codes = _codes(error)
    if _TOO_LARGE in codes:
        return DocumentRefusedError("MongoDB can't hold a document: it is too large")
    lost = any(map(error.has_error_label, ("TransientTransactionError", "UnknownTransactionCommitResult")))
    if codes & {_DUPLICATE_KEY, _WRITE_CONFLICT} or (lost and isinstance(error, OperationFailure)):
        return ConflictError("another registry changed the same workspace")
    return DatabaseUnavailableError(f"MongoDB: {type(error).__name__}{f' {min(codes)}' if codes else ''}")


def _codes(error: PyMongoError) -> set[int]:
    """Return the codes of an error; its text is left out, because it may repeat values."""
    codes = {error.code} if isinstance(error, OperationFailure) and error.code is not None else set()
    if isinstance(error, BulkWriteError):
        codes |= {item.get("code", 0) for item in error.details.get("writeErrors", ())}
    return codes


@asynccontextmanager
async def transaction(client: Client) -> AsyncIterator[AsyncClientSession]:
    """Run what is inside as one transaction. Raises ConflictError, DatabaseUnavailableError, DocumentRefusedError.

    A commit whose outcome is not known is a ConflictError, too: whoever loads again sees what became of it.
    """
    with driver_errors():
        async with client.start_session() as session, await session.start_transaction():
            yield session
