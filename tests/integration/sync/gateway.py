"""The gateway's sync endpoints in an app of their own: callers are whom the `x-caller` header says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send
from tieline.access import Principal
from tieline.ids import derived_id, new_id
from tieline.kafka.producer import RecordProducer
from tieline.registry_client import RegistryClient
from tieline.service.background import BackgroundTasks
from tieline.settings import InternalSettings
from tieline.sync_client import SyncClient
from tieline_gateway.adapters.run_commands import KafkaRunCommands
from tieline_gateway.adapters.run_streams import RunStreams
from tieline_gateway.adapters.run_tail import RunTail
from tieline_gateway.domain import surface_d
from tieline_gateway.domain.commands import Intent
from tieline_gateway.domain.stream_tokens import StreamTokens
from tieline_gateway.entrypoints import sync_stream
from tieline_gateway.entrypoints.dependencies import intent_of
from tieline_gateway.entrypoints.failures import answer_failures
from tieline_gateway.entrypoints.sync_stream import SyncServices
from tieline_sync.settings import SyncSettings

from tests.support.http_server import serving
from tests.support.registry_stub import TOKEN, WORKSPACE

PERMISSIONS = {"admin": frozenset({"integration.sync"}), "reader": frozenset({"integration.view"})}


class _Callers:
    """In the place of the gateway's edge: `admin`, `reader`, or `stranger` of another workspace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = dict(scope.get("headers", ())).get(b"x-caller", b"").decode()
        if scope["type"] == "http" and name:
            scope.setdefault("state", {})["principal"] = Principal(
                key_id="key",
                user_id=name,
                workspace_id=new_id() if name == "stranger" else WORKSPACE,
                workspace_slug="org-acme-corp",
                permissions=PERMISSIONS.get(name, PERMISSIONS["admin"]),
            )
        await self._app(scope, receive, send)


def _intent(request: Request) -> Intent:
    key = request.headers.get("idempotency-key")
    return Intent(
        command_id=derived_id("test-intent", key) if key else new_id(),
        workspace_id=WORKSPACE,
        issued_at=datetime.now(UTC),
        issued_by="user-1",
        fingerprint="",
    )


@asynccontextmanager
async def gateway(
    settings: SyncSettings, *, sync_worker_url: str = "http://127.0.0.1:9", heartbeat: float = 15.0, **changes: Any
) -> AsyncIterator[str]:
    """Serve a gateway replica with only the sync endpoints; the value is its address.

    `changes` may hold `clock`, `draining`, `routes` to serve beside, and `around`, which wraps the app.
    """
    internal = InternalSettings(
        token=SecretStr(TOKEN), registry_url=settings.internal.registry_url, sync_worker_url=sync_worker_url
    )
    tail = RunTail(settings.kafka, client_id="gateway", draining=changes.get("draining", lambda: False))
    async with (
        RegistryClient(internal) as registry,
        SyncClient(internal) as runs,
        RecordProducer(settings.kafka, client_id="gateway") as producer,
        BackgroundTasks() as background,
    ):
        background.start("tail", tail.run())
        app = FastAPI()
        app.include_router(sync_stream.build_router())
        app.routes.extend(changes.get("routes", ()))
        app.dependency_overrides[intent_of] = _intent
        answer_failures(app)
        app.state.sync = SyncServices(
            streams=RunStreams(
                tail,
                find_integration=registry.find_integration,
                render=surface_d.document_of,
                heartbeat_every=timedelta(seconds=heartbeat),
            ),
            commands=KafkaRunCommands(producer),
            runs=runs,
            find_integration=registry.find_integration,
            tokens=StreamTokens(TOKEN),
            clock=changes.get("clock", lambda: datetime.now(UTC)),
        )
        await tail.ready.wait()
        async with serving(changes.get("around", lambda served: served)(_Callers(app))) as address:
            yield address
