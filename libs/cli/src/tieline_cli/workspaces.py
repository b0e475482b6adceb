"""Creating workspaces: a command on Kafka to the registry, as every change is."""

import asyncio
import contextlib
from datetime import timedelta

from tieline.access import PERMISSIONS, hash_key, hint
from tieline.clock import system_clock
from tieline.contracts.commands import CreateWorkspace, NewApiKey, Reply, Workspace
from tieline.ids import derived_id, new_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.kafka.requests import RequestClient
from tieline.settings import KafkaSettings
from tieline.topics import GATEWAY_REPLIES, REGISTRY_COMMANDS

from tieline_cli.errors import CliError

_CLIENT = "tieline-cli"
_SOURCE = "tieline://cli"
_OPERATOR = "operator"
_REPLY_TIMEOUT = timedelta(seconds=20)


class WorkspaceRefusedError(CliError):
    """The registry refused to create the workspace."""


async def create_workspace(settings: KafkaSettings, *, slug: str, name: str, api_key: str) -> Workspace:
    """Return the workspace `slug`, created with `api_key` as its first key when it is not there.

    The same slug and key are the same command, so it is safe to repeat. Raises KafkaUnavailableError,
    ReplyTimeoutError, WorkspaceRefusedError.
    """
    command = CreateWorkspace(
        command_id=derived_id("workspace.create", slug, hash_key(api_key)),
        workspace_id=derived_id("workspace", slug),
        issued_at=system_clock(),
        issued_by=_OPERATOR,
        slug=slug,
        name=name,
        key=NewApiKey(
            key_id=derived_id("api-key", hash_key(api_key)),
            name="first key",
            hash=hash_key(api_key),
            hint=hint(api_key),
            user_id=_OPERATOR,
            permissions=sorted(PERMISSIONS),
        ),
    )
    reply = await _send(settings, command)
    if reply.workspace is None:
        why = reply.refusal.message if reply.refusal else "the registry answered without one"
        raise WorkspaceRefusedError(f"workspace {slug} was not created: {why}")
    return reply.workspace


async def _send(settings: KafkaSettings, command: CreateWorkspace) -> Reply:
    instance = new_id()
    async with RecordProducer(settings, client_id=_CLIENT) as producer:
        requests = RequestClient(
            settings, producer=producer, reply_topic=GATEWAY_REPLIES, client_id=_CLIENT, instance=instance
        )
        reading = asyncio.create_task(requests.run())
        try:
            async with asyncio.timeout(_REPLY_TIMEOUT.total_seconds()):
                await requests.ready.wait()
            answer = await requests.request(command.command_id, _record(command), timeout=_REPLY_TIMEOUT)
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
    return Reply.model_validate_json(answer.value or b"{}")


def _record(command: CreateWorkspace) -> OutgoingRecord:
    return OutgoingRecord(
        topic=REGISTRY_COMMANDS,
        key=command.workspace_id,
        value=command.to_json(),
        headers=cloudevent_headers(
            event_id=command.command_id,
            event_type=command.type,
            source=_SOURCE,
            time=command.issued_at,
            subject=command.workspace_id,
        ),
    )
