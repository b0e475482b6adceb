"""Noting on integrations how their last sync run ended."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pydantic import ValidationError
from tieline.clock import Clock
from tieline.contracts.sync import RunCompleted, RunEvent, RunFailed, sync_event_adapter
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord, UnreadableRecordError

from tieline_registry.domain.integrations import event_id
from tieline_registry.domain.state import StoredIntegration, WorkingSet
from tieline_registry.domain.syncs import Finished, after, is_news
from tieline_registry.domain.wanted import Wanted
from tieline_registry.handlers import outgoing
from tieline_registry.handlers.conflicts import until_no_conflict
from tieline_registry.handlers.last_word import LastWord
from tieline_registry.handlers.ports import CommandStore

Ended = tuple[Finished, IncomingRecord]


class RecordSyncs:
    """Handles batches of the topic of sync events; progress is passed over.

    Safe to repeat: a run that is noted already changes nothing, and its event is published again only while it still
    tells the present state.
    """

    def __init__(self, *, store: CommandStore, producer: RecordProducer, clock: Clock) -> None:
        self._store = store
        self._last_word = LastWord(store=store, producer=producer, clock=clock)
        self._clock = clock

    async def __call__(self, records: Sequence[IncomingRecord]) -> None:
        """Note the runs that ended, and publish the integrations.

        Raises DatabaseUnavailableError, KafkaUnavailableError; UnreadableRecordError for what is no sync event.
        """
        events = [(_read(record), record) for record in records]
        ended = [(event, record) for event, record in events if isinstance(event, RunCompleted | RunFailed)]
        if not ended:
            return
        published, saved = await until_no_conflict(partial(self._noted, ended))
        await self._last_word.publish(published, saved=saved)

    async def _noted(self, ended: Sequence[Ended]) -> tuple[list[OutgoingRecord], dict[str, int]]:
        working = await self._store.load(
            Wanted(
                workspace_ids={run.workspace_id for run, _ in ended},
                integration_ids={run.integration_id for run, _ in ended},
            )
        )
        now = self._clock()
        published = []
        for run, record in ended:
            stored = _held(working, run)
            identity = event_id(record.event_id, run.integration_id)
            if stored is None:
                continue  # deleted meanwhile
            if is_news(stored.synced_at, run):
                integration = stored.integration.model_copy(
                    update={"last_sync": after(stored.integration.last_sync, run), "updated_at": now}
                )
                stored = replace(stored, integration=integration, synced_at=run.at, event_id=identity)
                working.workspaces[run.workspace_id].save_integration(stored)
            if stored.event_id == identity:
                published.append(outgoing.integration_saved(stored.integration, identity, cause=record))
        if any(state.is_changed for state in working.workspaces.values()):
            await self._store.save(working, [], [], now=now)
        return published, {identity: state.sequence for identity, state in working.workspaces.items()}


def _read(record: IncomingRecord) -> RunEvent:
    try:
        event: RunEvent = sync_event_adapter.validate_json(record.value or b"")
    except ValidationError:
        raise UnreadableRecordError("not a sync event") from None
    record.require("ce_id")
    return event


def _held(working: WorkingSet, run: Finished) -> StoredIntegration | None:
    state = working.workspaces.get(run.workspace_id)
    return None if state is None else state.integrations.get(run.integration_id)
