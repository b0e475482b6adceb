"""Reading a source as a run does, page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from tieline.contracts.base import JsonObject
from tieline.outgoing import OutgoingClient
from tieline.settings import OutgoingSettings
from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.records import Record
from tieline_sync.ports import FetchedPage, Source

from tests.support.registry_stub import an_integration

NOW = datetime(2026, 3, 21, 14, 10, tzinfo=UTC)


def clock() -> datetime:
    """The present, always the same."""
    return NOW


@asynccontextmanager
async def outgoing(seconds: float = 2.0) -> AsyncIterator[OutgoingClient]:
    """A client that may call stand-ins on loopback."""
    settings = OutgoingSettings(
        timeout=timedelta(seconds=seconds), allow_http=True, dangerous_allow_private_addresses=True
    )
    async with OutgoingClient(settings) as http:
        yield http


def facts(provider: str, config: dict[str, Any], secrets: dict[str, str], **changes: Any) -> Facts:
    """An integration's facts."""
    integration = an_integration("i1", provider=provider, config=config, **{"auth": {}, **changes})
    return Facts(integration=integration, secrets=secrets)


async def pages(
    source: Source,
    resume: JsonObject | None = None,
    *,
    between: Callable[[FetchedPage], Awaitable[None] | None] | None = None,
    most: int = 1000,
) -> AsyncIterator[FetchedPage]:
    """Yield the pages of a run; cursors go through JSON as they do in a store."""
    cursor: JsonObject | None = source.first(resume)
    for _ in range(most):
        page = await source.fetch(orjson.loads(orjson.dumps(cursor)))
        yield page
        if between is not None:
            waiting = between(page)
            if waiting is not None:
                await waiting
        if page.next is None:
            return
        cursor = page.next
    raise AssertionError(f"no end after {most} pages")


class Read:
    """What a run got: records as they were met last, how often each was met, and where the next run starts."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.met: list[str] = []
        self.sizes: list[int] = []
        self.resume: JsonObject = {}


async def read(source: Source, resume: JsonObject | None = None, **arguments: Any) -> Read:
    """Read a source to its end; stored bodies must give the same records again."""
    found = Read()
    async for page in pages(source, resume, **arguments):
        again = source.records(page.body) if page.rows else []
        assert all(again[row] == record for row, record in page.fresh)
        found.records |= {record.id: record for _, record in page.fresh}
        found.met += [record.id for _, record in page.fresh]
        found.sizes.append(page.rows)
        found.resume = orjson.loads(orjson.dumps(page.resume))
    return found
