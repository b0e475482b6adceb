"""A gateway and a registry, whole and in earnest, in one thread of the test process on the session's servers.

Tests talk HTTP to the gateway like any caller. Each test takes a workspace of its own.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx2
from pydantic import SecretStr
from starlette.types import ASGIApp
from tieline.access import PERMISSIONS, generate_key, hash_key, hint
from tieline.contracts.commands import AnyCommand, CreateWorkspace, IssueApiKey, NewApiKey, Reply
from tieline.contracts.sync import RunEvent
from tieline.ids import new_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord, cloudevent_headers
from tieline.kafka.requests import RequestClient
from tieline.observability.http import traced
from tieline.registry_client import Credentials, RegistryClient
from tieline.settings import HttpSettings, InternalSettings, KafkaSettings, MongoSettings
from tieline.topics import GATEWAY_REPLIES, REGISTRY_COMMANDS, SYNC_EVENTS, apply_topics
from tieline_cli.keys import SystemKeys
from tieline_gateway import bootstrap as gateway
from tieline_gateway.settings import GatewayOptions, GatewaySettings, LimitSettings, SealingSettings
from tieline_registry import bootstrap as registry
from tieline_registry.settings import RegistrySettings, SecretsSettings

from tests.support.http_server import serving

PREPARED = 16  # workspaces made at once: the registry saves them in one batch
REPLY_TIMEOUT = timedelta(seconds=10)
START_SECONDS = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody with an API key, and a client for the gateway that sends it as `Authorization: Bearer`."""

    workspace_id: str
    slug: str
    user_id: str
    api_key: str = field(repr=False)
    http: httpx2.Client

    def org(self, **more: str) -> dict[str, str]:
        """Return surface C's headers."""
        return {"x-org-id": self.slug, **more}

    def v1(self, rest: str) -> str:
        """Return a path of surface E's style in this caller's workspace."""
        return f"/v1/{self.workspace_id}/{rest}"


class GatewayStack:
    """The running pair; `gateway_url` is where callers go, `http` a client without a key."""

    def __init__(self, kafka: KafkaSettings, mongo: MongoSettings) -> None:
        self.kafka = kafka
        self.mongo = mongo
        self.keys = SystemKeys.generate("tests")
        self.gateway_url = ""
        self.registry_url = ""
        self._internal_token = SecretStr(self.keys.internal_token)
        self.http = httpx2.Client(timeout=30, trust_env=False, verify=False)
        self._prepared: list[tuple[str, str, str]] = []
        self._loop = asyncio.new_event_loop()
        self._producer = RecordProducer(kafka, client_id="tests")
        self._requests = RequestClient(
            kafka, producer=self._producer, reply_topic=GATEWAY_REPLIES, client_id="tests", instance=new_id()
        )

    def registry_settings(self) -> RegistrySettings:
        """Return the registry's settings."""
        return RegistrySettings(
            kafka=self.kafka,
            mongo=self.mongo,
            internal=InternalSettings(token=self._internal_token),
            secrets=SecretsSettings(
                master_keys=SecretStr(self.keys.master_keys),
                sealing_private_keys=SecretStr(self.keys.sealing_private_keys),
            ),
        )

    def gateway_settings(self, **blocks: Any) -> GatewaySettings:
        """Return a gateway's settings; `blocks` replace whole blocks."""
        chosen: dict[str, Any] = {
            "http": HttpSettings(),
            "limits": LimitSettings(requests_per_second=100_000, burst=100_000),
            "gateway": GatewayOptions(reply_timeout=REPLY_TIMEOUT),
            "internal": self.internal(),
            **blocks,
        }
        return GatewaySettings(
            kafka=self.kafka,
            secrets=SealingSettings(sealing_public_key=SecretStr(self.keys.sealing_public_key)),
            **chosen,
        )

    def internal(self, **changes: Any) -> InternalSettings:
        """Return how services find and trust each other here."""
        return InternalSettings(token=self._internal_token, registry_url=self.registry_url, **changes)

    @contextmanager
    def another_gateway(self, *, wait: bool = True, **blocks: Any) -> Iterator[str]:
        """Run one more gateway beside; the value is its address. Without `wait` it need not be ready."""
        app, _health = gateway.create_app(self.gateway_settings(**blocks))
        with self.serve(app, wait=wait) as address:
            yield address

    @contextmanager
    def serve(self, app: ASGIApp, *, wait: bool = True) -> Iterator[str]:
        """Serve an app on the stack's loop until left; the value is its address, once it is ready if it can tell."""
        stack = AsyncExitStack()
        address = self.run(stack.enter_async_context(serving(traced(app), lifespan=True)))
        try:
            if wait:
                _await_ready(address)
            yield address
        finally:
            self.run(stack.aclose())

    def workspace(self, *, url: str | None = None) -> Caller:
        """Return the holder of a key that may do everything in a workspace nobody else has."""
        if not self._prepared:
            self._prepared = self.run(self._prepare())
        workspace_id, slug, api_key = self._prepared.pop()
        return self.caller(workspace_id, slug, api_key, url=url)

    async def _prepare(self) -> list[tuple[str, str, str]]:
        keys = [generate_key() for _ in range(PREPARED)]
        commands = [
            CreateWorkspace(
                command_id=new_id(),
                workspace_id=new_id(),
                issued_at=datetime.now(UTC),
                issued_by="tests",
                slug=f"org-{new_id()[:8]}",
                name="Test",
                key=_new_key(key, PERMISSIONS),
            )
            for key in keys
        ]
        replies = await asyncio.gather(*(self._ask(command) for command in commands))
        assert all(reply.workspace is not None for reply in replies)
        return [(command.workspace_id, command.slug, key) for command, key in zip(commands, keys, strict=True)]

    def key(self, caller: Caller, *permissions: str, expires_at: datetime | None = None) -> Caller:
        """Issue one more key in a caller's workspace, past the gateway; the value is its holder."""
        api_key = generate_key()
        command = IssueApiKey(
            command_id=new_id(),
            workspace_id=caller.workspace_id,
            issued_at=datetime.now(UTC),
            issued_by="tests",
            key=_new_key(api_key, frozenset(permissions), expires_at),
        )
        assert self.send(command).api_key is not None
        return self.caller(caller.workspace_id, caller.slug, api_key)

    def caller(self, workspace_id: str, slug: str, api_key: str, *, url: str | None = None) -> Caller:
        """Return the holder of a key."""
        http = httpx2.Client(
            base_url=url or self.gateway_url,
            headers={"authorization": f"Bearer {api_key}"},
            timeout=30,
            trust_env=False,
            verify=False,  # nothing here speaks TLS, and reading the authorities takes 30 ms a client
        )
        return Caller(workspace_id=workspace_id, slug=slug, user_id="user_abc123", api_key=api_key, http=http)

    def send(self, command: AnyCommand) -> Reply:
        """Send a command straight to the registry."""
        return self.run(self._ask(command))

    async def _ask(self, command: AnyCommand) -> Reply:
        record = OutgoingRecord(
            topic=REGISTRY_COMMANDS,
            key=command.workspace_id,
            value=command.to_json(),
            headers=cloudevent_headers(
                event_id=command.command_id, event_type=command.type, source="tieline://tests", time=command.issued_at
            ),
        )
        answer = await self._requests.request(command.command_id, record, timeout=timedelta(seconds=20))
        return Reply.model_validate_json(answer.value or b"{}")

    def tell(self, event: RunEvent) -> None:
        """Put an event of a sync run on Kafka, as a worker does."""
        headers = cloudevent_headers(
            event_id=f"{event.run_id}-{event.sequence}", event_type="sync", source="tieline://tests", time=event.at
        )
        record = OutgoingRecord(topic=SYNC_EVENTS, key=event.integration_id, value=event.to_json(), headers=headers)
        self.run(self._producer.send(record))

    def credentials(self, caller: Caller, integration_id: str) -> Credentials:
        """Open an integration's secrets, as a service does."""
        found = self.run(self._open(caller.workspace_id, integration_id))
        assert found is not None
        return found

    async def _open(self, workspace_id: str, integration_id: str) -> Credentials | None:
        async with RegistryClient(self.internal()) as client:
            return await client.open_credentials(workspace_id, integration_id)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the stack's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=90)

    @contextmanager
    def running(self) -> Iterator["GatewayStack"]:
        """Start everything, stop it at the end."""
        thread = threading.Thread(target=self._loop.run_forever, name="gateway-stack", daemon=True)
        thread.start()
        reading: asyncio.Future[None] | None = None
        try:
            self.run(apply_topics(self.kafka, longest_retention=timedelta(hours=1)))
            self.run(self._producer.start())
            reading = asyncio.run_coroutine_threadsafe(self._requests.run(), self._loop)  # type: ignore[assignment]  # only cancelled
            with self._registry() as self.registry_url, self.another_gateway() as self.gateway_url:
                self.run(self._requests.ready.wait())
                yield self
        finally:
            if reading is not None:
                reading.cancel()
            self.run(self._producer.stop())
            self.http.close()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(timeout=10)

    @contextmanager
    def _registry(self) -> Iterator[str]:
        app, _health = registry.create_app(self.registry_settings())
        with self.serve(app) as address:
            yield address


def _new_key(api_key: str, permissions: frozenset[str], expires_at: datetime | None = None) -> NewApiKey:
    return NewApiKey(
        key_id=new_id(),
        name="test",
        hash=hash_key(api_key),
        hint=hint(api_key),
        user_id="user_abc123",
        permissions=sorted(permissions),
        expires_at=expires_at,
    )


def _await_ready(address: str) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=START_SECONDS)
    while True:
        try:
            answer = httpx2.get(f"{address}/readyz", timeout=5, trust_env=False, verify=False)
        except httpx2.TimeoutException as error:
            told = repr(error)
        else:
            if answer.status_code in {200, 404}:
                return
            told = answer.text
        assert datetime.now(UTC) < deadline, told
        threading.Event().wait(0.05)
