"""Applying commands: a poll's worth at a time, each once, in their order.

Load what they touch, decide in memory, save everything in one transaction, then publish events and replies. Only then
is the batch acknowledged. A crash in between repeats the batch: commands found applied are published again, with the
same ids and contents.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal

from tieline.clock import Clock
from tieline.contracts.audit import AuditEntry
from tieline.contracts.commands import Refusal, Reply, SaveIntegrations
from tieline.errors import PermanentError
from tieline.ids import derived_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import IncomingRecord, OutgoingRecord
from tieline.secrets.sealing import Opener

from tieline_registry.domain.applied import AppliedCommand
from tieline_registry.domain.decide import Decision, KnownCommand, OpenedSecrets, decide
from tieline_registry.domain.limits import Limits
from tieline_registry.domain.state import PlainSecret, WorkingSet
from tieline_registry.domain.wanted import wanted
from tieline_registry.handlers import outgoing
from tieline_registry.handlers.conflicts import until_no_conflict
from tieline_registry.handlers.last_word import LastWord
from tieline_registry.handlers.metrics import COMMANDS, TOGETHER
from tieline_registry.handlers.ports import CommandStore
from tieline_registry.handlers.received import Received, read

MOST_BYTES_TOGETHER: Final = 4_000_000  # of commands in one transaction; MongoDB holds its changes in memory
MOST_DRAFTS_TOGETHER: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The reply to a received command, and whether its events are to be published: now, once more, or not at all."""

    received: Received
    reply: Reply
    reply_json: bytes
    events: Literal["new", "repeated", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of commands that were taken together; `saved` are the sequence numbers their workspaces got."""

    answers: Sequence[Answer]
    saved: Mapping[str, int]


class ApplyCommands:
    """Handles batches of the command topic."""

    def __init__(
        self, *, store: CommandStore, opener: Opener, producer: RecordProducer, clock: Clock, limits: Limits
    ) -> None:
        self._store = store
        self._last_word = LastWord(store=store, producer=producer, clock=clock)
        self._opener = opener
        self._producer = producer
        self._clock = clock
        self._limits = limits

    async def __call__(self, records: Sequence[IncomingRecord]) -> None:
        """Apply the commands of `records` and publish what follows.

        Raises DatabaseUnavailableError, KafkaUnavailableError: the same batch is to be tried again. Raises
        PermanentError for a record that can't be read or whose secrets do not open: alone in its batch, its sender is
        told that it is invalid.
        """
        try:
            for together in _together([read(record) for record in records]):
                await self._publish(await until_no_conflict(partial(self._applied, together)))
        except PermanentError as error:
            if len(records) == 1:
                await self._tell_invalid(records[0], error)
            raise

    async def _applied(self, together: Sequence[Received]) -> Outcome:
        known = await self._store.applied({received.command.command_id for received in together})
        fresh = _first_of_each(one.command for one in together if one.command.command_id not in known)
        secrets = await asyncio.to_thread(self._opened, fresh)
        working = await self._store.load(wanted(fresh))
        now = self._clock()
        answers, applied, entries = [], [], []
        for received in together:
            command = received.command
            before = known.get(command.command_id)
            if before is not None:
                answers.append(_answered_before(received, before))
                continue
            decision = decide(working, command, secrets[command.command_id], now=now, limits=self._limits)
            known[command.command_id] = _to_remember(received, decision)
            applied.append(known[command.command_id])
            entries += _to_audit(working, decision, now)
            answers.append(
                Answer(received=received, reply=decision.reply, reply_json=decision.reply_json, events="new")
            )
        if applied:
            await self._store.save(working, applied, entries, now=now)
        saved = {identity: state.sequence for identity, state in working.workspaces.items() if state.is_changed}
        return Outcome(answers=answers, saved=saved)

    def _opened(self, commands: Sequence[KnownCommand]) -> dict[str, OpenedSecrets]:
        """Open the sealed secrets of commands. Raises SealBrokenError."""
        return {
            command.command_id: [
                {
                    path: PlainSecret(
                        value=self._opener.open(
                            sealed, workspace_id=command.workspace_id, command_id=command.command_id, path=path
                        )
                    )
                    for path, sealed in draft.secrets.items()
                }
                for draft in (command.drafts if isinstance(command, SaveIntegrations) else ())
            ]
            for command in commands
        }

    async def _publish(self, outcome: Outcome) -> None:
        records: list[OutgoingRecord] = []
        for answer in outcome.answers:
            if answer.events != "none":
                records += outgoing.events_of(answer.received, answer.reply)
            command = answer.received.command
            reply = outgoing.reply_to(
                answer.received.record,
                answer.reply_json,
                command_id=command.command_id,
                fingerprint=command.fingerprint,
                at=command.issued_at,
            )
            records += [reply] if reply else []
            became = answer.reply.refusal.code if answer.reply.refusal else "applied"
            COMMANDS.labels(type=command.type, outcome=became).inc()
        TOGETHER.observe(len(outcome.answers))
        await self._last_word.publish(
            records,
            saved=outcome.saved,
            repeated={one.received.command.workspace_id for one in outcome.answers if one.events == "repeated"},
        )

    async def _tell_invalid(self, record: IncomingRecord, error: PermanentError) -> None:
        command_id = record.headers.get("ce_id")
        if command_id is None:
            return
        refusal = Refusal(code="invalid", message=str(error))
        reply = Reply(command_id=command_id, refusal=refusal).to_json()
        answer = outgoing.reply_to(record, reply, command_id=command_id, fingerprint="", at=self._clock())
        if answer is not None:
            await self._producer.send(answer)
        COMMANDS.labels(type="unknown", outcome="invalid").inc()


def _together(received: Sequence[Received]) -> Iterator[list[Received]]:
    """Yield the commands in their order, as many together as one transaction should take."""
    together: list[Received] = []
    size = drafts = 0
    for one in received:
        size += len(one.record.value or b"")
        drafts += _drafts_in(one)
        if together and (size > MOST_BYTES_TOGETHER or drafts > MOST_DRAFTS_TOGETHER):
            yield together
            together, size, drafts = [], len(one.record.value or b""), _drafts_in(one)
        together.append(one)
    if together:
        yield together


def _drafts_in(received: Received) -> int:
    return len(received.command.drafts) if isinstance(received.command, SaveIntegrations) else 1


def _first_of_each(commands: Iterable[KnownCommand]) -> list[KnownCommand]:
    """Return the commands, of those with the same id only the first: the others are no commands of their own."""
    first: dict[str, KnownCommand] = {}
    for command in commands:
        first.setdefault(command.command_id, command)
    return list(first.values())


def _answered_before(received: Received, before: AppliedCommand) -> Answer:
    """Return the reply of a command that was applied already.

    The same record again is a redelivery, whose events may never have been published. Another record is a caller that
    repeats itself: its first record has had, or will have, its events.
    """
    command = received.command
    if not before.is_repeated_by(workspace_id=command.workspace_id, fingerprint=command.fingerprint):
        refusal = Refusal(
            code="idempotency_key_reused", message="the same idempotency key came with another request before"
        )
        reply = Reply(command_id=command.command_id, refusal=refusal)
        return Answer(received=received, reply=reply, reply_json=reply.to_json(), events="none")
    return Answer(
        received=received,
        reply=Reply.model_validate_json(before.reply_json),
        reply_json=before.reply_json,
        events="repeated" if before.record == received.record.coordinates else "none",
    )


def _to_remember(received: Received, decision: Decision) -> AppliedCommand:
    command = received.command
    return AppliedCommand(
        command_id=command.command_id,
        workspace_id=command.workspace_id,
        type=command.type,
        fingerprint=command.fingerprint,
        record=received.record.coordinates,
        reply_json=decision.reply_json,
    )


def _to_audit(working: WorkingSet, decision: Decision, now: datetime) -> list[AuditEntry]:
    """Return what the audit log keeps of a decision; numbered by the workspace's sequence right after it."""
    command = decision.command
    if not decision.changes:
        return []
    return [
        AuditEntry(
            id=derived_id(command.command_id, "audit"),
            workspace_id=command.workspace_id,
            number=working.workspaces[command.workspace_id].sequence,
            at=now,
            by=command.issued_by,
            action=command.type,
            command_id=command.command_id,
            changes=list(decision.changes),
        )
    ]
