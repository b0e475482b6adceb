"""What an operator does without a key, on Kafka itself: creating a workspace with its first API key.

Whoever may write to the command topic may do this; nothing over HTTP can.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tieline.access import PERMISSIONS, generate_key, hash_key, hint
from tieline.clock import system_clock
from tieline.contracts.commands import Command, CreateWorkspace, IssueApiKey, NewApiKey, Refusal, Reply
from tieline.errors import KafkaUnavailableError, PermanentError
from tieline.ids import derived_id, new_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.kafka.requests import RequestClient
from tieline.settings import KafkaSettings
from tieline.topics import GATEWAY_REPLIES, REGISTRY_COMMANDS

OPERATOR: Final = "operator"
SOURCE: Final = "tieline://operator"
REPLY_TIMEOUT: Final = timedelta(seconds=30)


class WorkspaceRefusedError(PermanentError):
    """The registry refused the command; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"the registry refused: {refusal.message}")
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedWorkspace:
    """A workspace, and the API key that was made for it: None when it existed and no new key was asked for."""

    workspace_id: str
    slug: str
    api_key: str | None = field(repr=False)


async def create_workspace(
    kafka: KafkaSettings,
    *,
    slug: str,
    name: str,
    key_name: str = "first key",
    new_key: bool = False,
    timeout: timedelta = REPLY_TIMEOUT,  # noqa: ASYNC109 - how long a person waits for each reply
) -> CreatedWorkspace:
    """Return the workspace `slug`, created if it is not there, with an API key that may do everything.

    Its id follows from its slug, so creating it again finds it; a key is then made only if `new_key`. The key is in no
    record: only its hash is. Raises WorkspaceRefusedError, KafkaUnavailableError, and ReplyTimeoutError when no
    registry answers in time.
    """
    async with _asking(kafka, within=timeout) as requests:
        api_key = generate_key()
        workspace_id = derived_id("workspace", slug)
        reply = await _answered(
            requests,
            CreateWorkspace(**_base(workspace_id), slug=slug, name=name, key=_stored(api_key, key_name)),
            timeout,
        )
        if reply.workspace is None:
            raise WorkspaceRefusedError(Refusal(code="invalid", message="the reply names no workspace"))
        workspace_id = reply.workspace.id
        is_stored = reply.api_key is not None
        if new_key and not is_stored:
            await _answered(requests, IssueApiKey(**_base(workspace_id), key=_stored(api_key, key_name)), timeout)
            is_stored = True
        return CreatedWorkspace(workspace_id=workspace_id, slug=slug, api_key=api_key if is_stored else None)


def _base(workspace_id: str) -> dict[str, object]:
    return {
        "command_id": new_id(),
        "workspace_id": workspace_id,
        "issued_at": system_clock(),
        "issued_by": OPERATOR,
    }


def _stored(api_key: str, name: str) -> NewApiKey:
    return NewApiKey(
        key_id=derived_id("api-key", hash_key(api_key)),
        name=name,
        hash=hash_key(api_key),
        hint=hint(api_key),
        user_id=OPERATOR,
        permissions=sorted(PERMISSIONS),
    )


@asynccontextmanager
async def _asking(kafka: KafkaSettings, *, within: timedelta) -> AsyncIterator[RequestClient]:
    instance = f"operator-{new_id()}"
    async with RecordProducer(kafka, client_id=instance) as producer:
        requests = RequestClient(
            kafka, producer=producer, reply_topic=GATEWAY_REPLIES, client_id=instance, instance=instance
        )
        reading = asyncio.create_task(requests.run())
        try:
            async with asyncio.timeout(within.total_seconds()):
                await requests.ready.wait()
            yield requests
        except TimeoutError:
            raise KafkaUnavailableError("the reply topic can't be read: were the topics applied?") from None
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _answered(requests: RequestClient, command: Command, wait: timedelta) -> Reply:
    record = OutgoingRecord(
        topic=REGISTRY_COMMANDS,
        key=command.workspace_id,
        value=command.to_json(),
        headers=cloudevent_headers(
            event_id=command.command_id,
            event_type=getattr(command, "type", "command"),
            source=SOURCE,
            time=command.issued_at,
            subject=command.workspace_id,
        ),
    )
    answer = await requests.request(command.command_id, record, timeout=wait)
    reply = Reply.model_validate_json(answer.value or b"{}")
    if reply.refusal is not None:
        raise WorkspaceRefusedError(reply.refusal)
    return reply
