"""How calls to channels go, told to the sync worker, which keeps the health of all integrations.

Told in the background, a second late: of an integration only the last, and the same again only now and then. While the
sync worker is away the latest is kept, and told when it is back.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from tieline.provider_client import LONGEST_NOTE, MOST_NOTES, CallNote, CallNotes, ProviderClient, ProviderFaultError
from tieline.sync_client import SyncWorkerUnavailableError

from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import Blocked, Delivered, Failed, NotEditable, Outcome, Parked, Refused

MOST_KEPT = 10_000
SAME_EVERY = 30.0  # seconds
PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two rounds; after those that failed, ever longer

log = logging.getLogger(__name__)


class ChannelHealth:
    """Takes down outcomes. `run` must be running for the sync worker to hear of them."""

    def __init__(self, client: ProviderClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._told: OrderedDict[str, tuple[CallNote, float]] = OrderedDict()
        self._news: OrderedDict[str, CallNote] = OrderedDict()
        self._wake = asyncio.Event()

    def note(self, account: Account, outcome: Outcome | NotEditable) -> None:
        """Take down how a call with an account went; what says nothing of the account changes nothing."""
        note = _note(account, outcome)
        if note is None:
            return
        told, at = self._told.get(note.integration_id, (None, 0.0))
        if note == told and self._monotonic() - at < SAME_EVERY:
            self._news.pop(note.integration_id, None)
            return
        self._news[note.integration_id] = note
        if len(self._news) > MOST_KEPT:
            self._news.popitem(last=False)
        self._wake.set()

    async def run(self) -> None:
        """Tell what is new, until cancelled."""
        pause = PAUSE
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.flush()
                pause = PAUSE
            except (SyncWorkerUnavailableError, ProviderFaultError) as error:
                log.warning("the health of channels is not told yet", extra={"reason": str(error)})
                self._wake.set()
                pause = min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def flush(self) -> None:
        """Tell what is new. Raises SyncWorkerUnavailableError, ProviderFaultError; the rest is told the next time."""
        while self._news:
            notes = list(self._news.values())[:MOST_NOTES]
            await self._client.note(CallNotes(items=notes))
            for note in notes:
                self._remember(note)

    def _remember(self, note: CallNote) -> None:
        self._told[note.integration_id] = (note, self._monotonic())
        self._told.move_to_end(note.integration_id)
        if len(self._told) > MOST_KEPT:
            self._told.popitem(last=False)
        if self._news.get(note.integration_id) is note:
            del self._news[note.integration_id]


def _note(account: Account, outcome: Outcome | NotEditable) -> CallNote | None:
    """Return what an outcome says of the account, None where the platform asks to wait, or a message is gone."""
    match outcome:
        case Delivered():
            error, refused = None, False
        case Blocked(reason=reason, detail=detail):
            error, refused = detail or reason.value, reason is Parked.CREDENTIALS_REFUSED
        case Failed(detail=detail) | Refused(detail=detail):
            error, refused = detail, False
        case _:
            return None
    return CallNote(
        workspace_id=account.workspace_id,
        integration_id=account.integration_id,
        revision=account.revision,
        error=error[:LONGEST_NOTE] if error is not None else None,
        refused=refused,
    )
