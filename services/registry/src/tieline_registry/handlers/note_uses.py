"""When API keys were used and credentials opened: noted off the path of the request, and not each time.

A use is queued at most once a minute for each key and replica, an opening at most once an hour for each integration;
the queue is written every few seconds. What is queued when the process dies is lost, which only makes a time of last
use older.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

from tieline.contracts.integrations import Integration
from tieline.errors import PermanentError, TransientError

from tieline_registry.handlers.ports import UseStore

KEY_USES_APART: Final = timedelta(minutes=1)
OPENINGS_APART: Final = timedelta(hours=1)
WRITTEN_EVERY: Final = timedelta(seconds=2)
MOST_REMEMBERED: Final = 50_000  # keys and integrations; beyond it the ones noted first are forgotten, and noted again
MOST_QUEUED: Final = 10_000  # while the database is away; beyond it uses are not noted

log = logging.getLogger(__name__)


class NoteUses:
    """Takes notes at once, writes them in `run`."""

    def __init__(self, store: UseStore) -> None:
        self._store = store
        self._noted: OrderedDict[Hashable, datetime] = OrderedDict()
        self._key_uses: dict[str, datetime] = {}
        self._openings: dict[str, tuple[Integration, datetime]] = {}

    def key_used(self, key_id: str, at: datetime) -> None:
        """Note that an API key was used."""
        if self._is_due(("key", key_id), at, KEY_USES_APART) and len(self._key_uses) < MOST_QUEUED:
            self._key_uses[key_id] = at

    def credentials_opened(self, integration: Integration, at: datetime) -> None:
        """Note that a service opened an integration's credentials."""
        if self._is_due(("opened", integration.id), at, OPENINGS_APART) and len(self._openings) < MOST_QUEUED:
            self._openings[integration.id] = (integration, at)

    async def run(self) -> None:
        """Write notes until cancelled; while the database is away they are kept, within bounds."""
        while True:
            await asyncio.sleep(WRITTEN_EVERY.total_seconds())
            await self.write()

    async def write(self) -> None:
        """Write what is queued."""
        uses, self._key_uses = self._key_uses, {}
        openings, self._openings = self._openings, {}
        try:
            await self._store.note_key_uses(uses)
            uses = {}
            while openings:
                integration, at = openings[identity := next(iter(openings))]
                await self._store.note_opening(integration, at, every=OPENINGS_APART)
                del openings[identity]
        except TransientError:
            self._key_uses = uses | self._key_uses
            self._openings = openings | self._openings
        except PermanentError as error:
            log.error("could not note uses", extra={"reason": str(error)})  # noqa: TRY400 - the reason says it

    def _is_due(self, what: Hashable, at: datetime, apart: timedelta) -> bool:
        before = self._noted.get(what)
        if before is not None and at - before < apart:
            return False
        self._noted[what] = at
        self._noted.move_to_end(what)
        while len(self._noted) > MOST_REMEMBERED:
            self._noted.popitem(last=False)
        return True
