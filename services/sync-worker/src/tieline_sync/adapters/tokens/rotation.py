"""Rotated tokens on their way back to the registry: as a command on Kafka, the values sealed."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from tieline.clock import Clock
from tieline.contracts.base import JsonObject
from tieline.contracts.commands import IntegrationDraft, Reply, SaveIntegrations, Target
from tieline.contracts.integrations import Integration
from tieline.errors import TransientError
from tieline.ids import derived_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.registry_client import RegistryClient, RegistryRefusedError
from tieline.secrets.sealing import Sealer
from tieline.topics import REGISTRY_COMMANDS

from tieline_sync.domain.credentials import Facts
from tieline_sync.domain.providers.authorization_code import OAuthApp
from tieline_sync.domain.providers.credentials import credential_of
from tieline_sync.domain.providers.errors import ProviderCallError
from tieline_sync.domain.providers.tokens import Grant, Token

SOURCE = "tieline://sync-worker"
WHO = "service:sync-worker"
MOST_TRIES = 5
FIRST_LOOK, LONGEST_LOOK = timedelta(milliseconds=50), timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=15)

log = logging.getLogger(__name__)


class RegistryRotation:
    """Saves new tokens in the place of those they came of, and only there.

    Without a `sealer` nothing is saved: new refresh tokens then live in the worker's own database alone.
    """

    def __init__(
        self,
        registry: RegistryClient,
        producer: RecordProducer,
        sealer: Sealer | None,
        *,
        apps: Mapping[str, OAuthApp],
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._producer = producer
        self._sealer = sealer
        self._apps = apps
        self._clock = clock

    async def keep(self, integration: Integration, grant: Grant, token: Token) -> bool:
        """Save a token with its integration, unless that has got new credentials meanwhile; True when settled."""
        if self._sealer is None:
            log.warning("a new refresh token is not saved: no sealing key", extra={"integration": integration.id})
            return False
        try:
            for _ in range(MOST_TRIES):
                current = await self._still(integration, grant)
                if current is None:
                    return True
                reply = await self._save(current, token, self._sealer)
                if reply is not None and reply.refusal is None:
                    return True
                if reply is None or reply.refusal is None or reply.refusal.code != "revision_conflict":
                    break
        except (TransientError, RegistryRefusedError) as error:
            log.warning("a new token is not saved yet", extra={"integration": integration.id, "reason": str(error)})
        return False

    async def _still(self, integration: Integration, grant: Grant) -> Integration | None:
        """Return the integration as it is now, None when its credentials are not those that the token came of."""
        found = await self._registry.open_credentials(integration.workspace_id, integration.id)
        if found is None:
            return None
        try:
            held = credential_of(Facts(integration=found.integration, secrets=found.secrets), apps=self._apps)
        except ProviderCallError:
            return None
        same = held is not None and held.grant is not None and held.grant.origin == grant.origin
        return found.integration if same else None

    async def _save(self, integration: Integration, token: Token, sealer: Sealer) -> Reply | None:
        """Send the command and return its reply, None when none came in time."""
        command_id = derived_id("rotated-token", integration.id, str(token.generation), str(integration.revision))
        secrets = {"auth.access_token": token.value}
        if token.refresh_token:
            secrets["auth.refresh_token"] = token.refresh_token
        auth: JsonObject = {"expires_at": token.expires_at.isoformat() if token.expires_at else None, "code": None}
        command = SaveIntegrations(
            command_id=command_id,
            workspace_id=integration.workspace_id,
            issued_at=self._clock(),
            issued_by=WHO,
            drafts=[
                IntegrationDraft(
                    target=Target(by="id", value=integration.id),
                    if_absent="refuse",
                    expected_revision=integration.revision,
                    new_id=integration.id,
                    auth=auth,
                    secrets={
                        path: sealer.seal(
                            value, workspace_id=integration.workspace_id, command_id=command_id, path=path
                        )
                        for path, value in secrets.items()
                    },
                )
            ],
        )
        await self._producer.send(_record(command))
        return await self._reply(integration.workspace_id, command_id)

    async def _reply(self, workspace_id: str, command_id: str) -> Reply | None:
        until = self._clock() + LONGEST_WAIT
        pause = FIRST_LOOK
        while self._clock() < until:
            reply = await self._registry.find_reply(workspace_id, command_id)
            if reply is not None:
                return reply
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, LONGEST_LOOK)
        return None


def _record(command: SaveIntegrations) -> OutgoingRecord:
    return OutgoingRecord(
        topic=REGISTRY_COMMANDS,
        key=command.workspace_id,
        value=command.to_json(),
        headers=cloudevent_headers(
            event_id=command.command_id,
            event_type=command.type,
            source=SOURCE,
            time=command.issued_at,
            subject=command.workspace_id,
        ),
    )
