"""A registry for tests: its settings, the registry itself inside the test's process, and a client that asks it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
from pydantic import SecretStr
from starlette.applications import Starlette
from tieline.clock import system_clock
from tieline.contracts.commands import (
    Command,
    IntegrationDraft,
    Reply,
    SaveIntegrations,
    SaveRoute,
    SealedSecret,
    Target,
)
from tieline.ids import new_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.kafka.requests import RequestClient
from tieline.registry_client import RegistryClient
from tieline.secrets.sealing import Sealer
from tieline.service.background import BackgroundTasks
from tieline.settings import InternalSettings, KafkaSettings, MongoSettings
from tieline.topics import GATEWAY_REPLIES, REGISTRY_COMMANDS
from tieline_cli.keys import SystemKeys
from tieline_registry.bootstrap import Parts, create_app
from tieline_registry.settings import RegistryOptions, RegistrySettings, SecretsSettings

from tests.support.waiting import eventually

KEYS = SystemKeys.generate("test")
START_SECONDS = 60
REPLY_TIMEOUT = timedelta(seconds=20)


def registry_settings(kafka: KafkaSettings, *, mongo_url: str, database: str, **options: Any) -> RegistrySettings:
    """Settings of a registry on the test's servers."""
    return RegistrySettings(
        kafka=kafka,
        mongo=MongoSettings(url=SecretStr(mongo_url), database=database),
        internal=InternalSettings(
            token=SecretStr(KEYS.internal_token), credentials_token=SecretStr(KEYS.credentials_token)
        ),
        secrets=SecretsSettings(
            master_keys=SecretStr(KEYS.master_keys), sealing_private_keys=SecretStr(KEYS.sealing_private_keys)
        ),
        registry=RegistryOptions(**options),
    )


@asynccontextmanager
async def running_registry(settings: RegistrySettings, parts: Parts | None = None) -> AsyncIterator[RegistryClient]:
    """Run a registry in this process; the value asks it over its internal HTTP interface."""
    app, health = create_app(settings, parts)
    assert isinstance(app, Starlette)

    async def ready() -> bool:
        return not await health.missing()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        await eventually(ready, within=START_SECONDS)
        transport = httpx2.ASGITransport(app=app)
        yield await stack.enter_async_context(RegistryClient(settings.internal, transport=transport))


@dataclass
class Asker:
    """Sends commands as the gateway does and awaits their replies."""

    producer: RecordProducer
    requests: RequestClient
    workspace_id: str = ""
    sealer: Sealer = field(default_factory=lambda: Sealer(KEYS.sealing_public_key))

    async def ask(self, command: Command, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a command; return its reply."""
        record = command_record(command, headers)
        answer = await self.requests.request(command.command_id, record, timeout=REPLY_TIMEOUT)
        return Reply.model_validate_json(answer.value or b"")

    def base(self, **given: Any) -> dict[str, Any]:
        """Fields that every command has."""
        return {
            "command_id": new_id(),
            "workspace_id": self.workspace_id,
            "issued_at": system_clock(),
            "issued_by": "user_1",
            **given,
        }

    def save(
        self, *drafts: IntegrationDraft, secrets: Mapping[str, str] | None = None, **given: Any
    ) -> SaveIntegrations:
        """A command that saves drafts; `secrets` are sealed into the first."""
        base = self.base(**given)
        sealed = self.sealed(base["command_id"], secrets or {})
        first = drafts[0].model_copy(update={"secrets": {**drafts[0].secrets, **sealed}})
        return SaveIntegrations(**base, drafts=[first, *drafts[1:]])

    def sealed(self, command_id: str, secrets: Mapping[str, str]) -> dict[str, SealedSecret]:
        """Secrets sealed for one command."""
        return {
            path: self.sealer.seal(value, workspace_id=self.workspace_id, command_id=command_id, path=path)
            for path, value in secrets.items()
        }

    def route(self, **given: Any) -> SaveRoute:
        """A command that creates a route."""
        fields = {"event_type": "sentry.*", "channel": "slack", "channel_id": "C1", **given}
        return SaveRoute(**self.base(), route_id=new_id(), create=True, **fields)


def command_record(command: Command, headers: Mapping[str, str] | None = None) -> OutgoingRecord:
    """The record of a command, as the gateway sends it."""
    return OutgoingRecord(
        topic=REGISTRY_COMMANDS,
        key=command.workspace_id,
        value=command.to_json(),
        headers={
            **cloudevent_headers(
                event_id=command.command_id,
                event_type=getattr(command, "type", "command"),
                source="tieline://test",
                time=command.issued_at,
            ),
            **(headers or {}),
        },
    )


def a_draft(name: str = "production", **given: Any) -> IntegrationDraft:
    """A draft of an integration found by its name."""
    target = given.pop("target", Target(by="name", value=name))
    return IntegrationDraft(**{"target": target, "new_id": new_id(), "name": name, "provider": "sentry", **given})


@asynccontextmanager
async def asking(kafka: KafkaSettings) -> AsyncIterator[Asker]:
    """A connection that sends commands and reads replies."""
    instance = new_id()
    async with RecordProducer(kafka, client_id=instance) as producer, BackgroundTasks() as background:
        requests = RequestClient(
            kafka, producer=producer, reply_topic=GATEWAY_REPLIES, client_id=instance, instance=instance
        )
        background.start("replies", requests.run())
        await eventually(requests.ready.is_set)
        yield Asker(producer=producer, requests=requests)
