"""A webhook router in its world: its own process, on the real broker and database, with channels that are stand-ins.

What the registry would publish is written to its topics by the test; what it would open is served by a stub.
"""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from pymongo import AsyncMongoClient
from tieline.access import PERMISSIONS
from tieline.contracts.integrations import Integration
from tieline.contracts.routes import ChannelRoute
from tieline.kafka.producer import RecordProducer
from tieline.kafka.records import OutgoingRecord
from tieline.settings import KafkaSettings
from tieline.topics import INTEGRATION_EVENTS, ROUTE_EVENTS, apply_topics
from tieline_cli.processes.ports import free_port
from tieline_simulators import DiscordSimulator, SlackSimulator, running

from tests.support.registry_stub import TOKEN, WORKSPACE, RegistryStub, an_integration, registry_stub
from tests.support.waiting import eventually

SLUG = "org-acme-corp"
KEY = "tl_everything"
SECRETS = {"sentry": "sentry-client-secret", "pagerduty": "pagerduty-signing-secret"}
AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def signed_sentry(body: bytes, secret: str = SECRETS["sentry"]) -> dict[str, str]:
    """Return the headers Sentry sends with a body."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "sentry-hook-resource": "issue", "sentry-hook-signature": digest}


def signed_pagerduty(body: bytes, secret: str = SECRETS["pagerduty"]) -> dict[str, str]:
    """Return the headers PagerDuty sends with a body."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-pagerduty-signature": f"v1={digest}"}


def a_sentry_issue(issue: str = "4812345", *, action: str = "created", **changes: Any) -> bytes:
    """Return the body of a Sentry issue webhook."""
    status = {"created": "unresolved", "unresolved": "unresolved"}.get(action, action)
    about = {
        "id": issue,
        "title": "TypeError: undefined is not a function",
        "culprit": "checkout/cart.ts in addItem",
        "level": "error",
        "status": status,
        "project": {"id": "71", "slug": "storefront", "name": "Storefront"},
        "web_url": f"https://acme.sentry.io/issues/{issue}/",
        **changes,
    }
    return json.dumps({"action": action, "data": {"issue": about}, "actor": {"type": "application"}}).encode()


def a_pagerduty_incident(incident: str = "Q1ABC", *, event: str = "triggered", event_id: str | None = None) -> bytes:
    """Return the body of a PagerDuty V3 webhook."""
    return json.dumps(
        {
            "event": {
                "id": event_id or f"01{incident}{event}".upper(),
                "event_type": f"incident.{event}",
                "resource_type": "incident",
                "occurred_at": "2026-03-21T14:05:00Z",
                "data": {
                    "id": incident,
                    "type": "incident",
                    "html_url": f"https://acme.pagerduty.com/incidents/{incident}",
                    "number": 12,
                    "status": event,
                    "title": "Checkout answers 500",
                    "urgency": "high",
                    "service": {"id": "PSVC1", "summary": "checkout"},
                },
            }
        }
    ).encode()


@dataclass
class RouterProcess:
    """`python -m tieline_webhooks`."""

    environment: Mapping[str, str]
    address: str
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tieline_webhooks", env={**os.environ, **self.environment}, stdout=log, stderr=log
            )
        await eventually(lambda: self.answers("/readyz" if ready else "/healthz"), within=40)

    async def answers(self, path: str) -> bool:
        """Tell whether a GET is answered 200."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()[-4000:]
        try:
            async with httpx2.AsyncClient(trust_env=False) as http:
                return (await http.get(self.address + path, timeout=5)).status_code == 200
        except httpx2.HTTPError:
            return False

    async def kill(self) -> None:
        """End it by SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it by SIGTERM, and wait."""
        await self._end(signal.SIGTERM)

    async def _end(self, by: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is not None and process.returncode is None:
            process.send_signal(by)
            async with asyncio.timeout(30):
                await process.wait()


@dataclass
class RouterWorld:
    """Everything around one router."""

    kafka: KafkaSettings
    database: Any
    producer: RecordProducer
    registry: RegistryStub
    registry_address: str
    slack: SlackSimulator
    discord: DiscordSimulator
    addresses: dict[str, str]
    http: httpx2.AsyncClient
    folder: Path
    environment: dict[str, str]
    routers: list[RouterProcess] = field(default_factory=list)

    def new_router(self, **environment: str) -> RouterProcess:
        """Return another replica, not started."""
        port = free_port()
        name = f"router-{len(self.routers)}"
        router = RouterProcess(
            environment={
                **self.environment,
                "TIELINE_HTTP__PORT": str(port),
                "TIELINE_WEBHOOKS__SPOOL_DIR": str(self.folder / name / "spool"),
                **environment,
            },
            address=f"http://127.0.0.1:{port}",
            log=self.folder / f"{name}.log",
        )
        self.routers.append(router)
        return router

    @property
    def router(self) -> RouterProcess:
        """The first replica."""
        return self.routers[0]

    async def integrate(self, provider: str, secrets: Mapping[str, str], **config: Any) -> Integration:
        """Configure an integration of the workspace."""
        integration = an_integration(
            f"int-{provider}",
            name=provider,
            display_name=provider.title(),
            provider=provider,
            config=config,
            secret_paths=sorted(secrets),
        )
        await self.save(integration, secrets)
        return integration

    async def save(self, integration: Integration, secrets: Mapping[str, str]) -> None:
        """Publish an integration as it is now."""
        self.registry.put(integration, dict(secrets))
        await self.producer.send(
            OutgoingRecord(topic=INTEGRATION_EVENTS, key=integration.id, value=integration.to_json())
        )

    async def route(self, route_id: str, event_type: str, channel: str, channel_id: str, **changes: Any) -> None:
        """Publish a route as it is now."""
        fields = {"created_at": AT, "updated_at": AT, "workspace_id": WORKSPACE, "workspace_slug": SLUG, **changes}
        route = ChannelRoute(id=route_id, event_type=event_type, channel=channel, channel_id=channel_id, **fields)
        await self.producer.send(OutgoingRecord(topic=ROUTE_EVENTS, key=route_id, value=route.to_json()))

    async def post(
        self, source: str, body: bytes, headers: Mapping[str, str], *, router: RouterProcess | None = None
    ) -> httpx2.Response:
        """Post a webhook of the workspace."""
        target = router or self.router
        return await self.http.post(
            f"{target.address}/api/webhooks/{source}", content=body, headers={"x-org-id": SLUG, **headers}
        )

    async def routed(self, source: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        """Post a webhook until it is accepted and a route takes it: what was just published may not be read yet."""

        async def look() -> httpx2.Response | None:
            answer = await self.post(source, body, headers)
            return answer if answer.status_code == 200 and answer.json()["routed"] else None

        answer = await eventually(look)
        assert answer is not None
        return answer

    async def api(self, method: str, path: str, key: str = KEY, **request: Any) -> httpx2.Response:
        """Call the router's own API with a key."""
        headers = {"x-api-key": key, **request.pop("headers", {})}
        return await self.http.request(method, self.router.address + path, headers=headers, **request)

    async def ledger(self) -> dict[str, Any]:
        """Return the workspace's books."""
        answer = await self.api("GET", f"/v1/{WORKSPACE}/ledger")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        """Return the recorded deliveries."""
        return [each async for each in self.database["deliveries"].find(query)]

    async def settled(self, count: int, *, state: str = "delivered", within: float = 20.0) -> list[dict[str, Any]]:
        """Wait until so many deliveries are in a state."""

        async def look() -> list[dict[str, Any]] | None:
            found = await self.deliveries(state=state)
            return found if len(found) >= count else None

        found: list[dict[str, Any]] | None = await eventually(look, within=within)
        assert found is not None
        return found


@asynccontextmanager
async def router_world(
    *, kafka_server: str, topic_prefix: str, mongo_server: str, mongo_database: str, folder: Path
) -> AsyncIterator[RouterWorld]:
    """Set the world up, without a router; routers that were started are stopped at the end."""
    kafka = KafkaSettings(bootstrap_servers=kafka_server, topic_prefix=topic_prefix)
    await apply_topics(kafka)
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(RecordProducer(kafka, client_id="test"))
        registry, registry_address = await stack.enter_async_context(registry_stub())
        registry.allow(KEY, *PERMISSIONS)
        slack, discord = SlackSimulator(), DiscordSimulator()
        addresses = await stack.enter_async_context(running(slack=slack, discord=discord))
        http = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=10))
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_server, tz_aware=True)
        stack.push_async_callback(client.close)
        world = RouterWorld(
            kafka=kafka,
            database=client[mongo_database],
            producer=producer,
            registry=registry,
            registry_address=registry_address,
            slack=slack,
            discord=discord,
            addresses=addresses,
            http=http,
            folder=folder,
            environment={
                "TIELINE_KAFKA__BOOTSTRAP_SERVERS": kafka_server,
                "TIELINE_KAFKA__TOPIC_PREFIX": topic_prefix,
                "TIELINE_MONGO__URL": mongo_server,
                "TIELINE_MONGO__DATABASE": mongo_database,
                "TIELINE_INTERNAL__TOKEN": TOKEN,
                "TIELINE_INTERNAL__REGISTRY_URL": registry_address,
                "TIELINE_OUTGOING__DANGEROUS_ALLOW_PRIVATE_ADDRESSES": "true",
                "TIELINE_OUTGOING__ALLOW_HTTP": "true",
            },
        )
        try:
            yield world
        finally:
            for router in world.routers:
                await router.kill()
