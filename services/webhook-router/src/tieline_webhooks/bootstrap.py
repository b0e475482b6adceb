"""Puts the webhook router together: settings read once, connections opened and closed with the app."""

import asyncio
import logging
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from starlette.applications import Starlette
from starlette.types import ASGIApp
from tieline.clock import system_clock
from tieline.contracts.integrations import Integration
from tieline.errors import ConfigurationError, TransientError
from tieline.ids import new_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.tables import TopicTable
from tieline.registry_client import RegistryClient
from tieline.service.background import BackgroundTasks
from tieline.service.health import Health
from tieline.topics import EVENTS, INTEGRATION_EVENTS, ROUTE_EVENTS

from tieline_webhooks.adapters import mongo
from tieline_webhooks.adapters.accounts import RegistryAccounts
from tieline_webhooks.adapters.announcements import KafkaAnnouncer
from tieline_webhooks.adapters.channels import Caller, build_channels
from tieline_webhooks.adapters.event_log import EventLog
from tieline_webhooks.adapters.event_producer import EventProducer
from tieline_webhooks.adapters.event_records import accepted_of
from tieline_webhooks.adapters.instance import instance_of
from tieline_webhooks.adapters.mongo_deliveries import MongoDeliveries
from tieline_webhooks.adapters.mongo_lanes import MongoLanes
from tieline_webhooks.adapters.mongo_ledger import MongoLedger
from tieline_webhooks.adapters.mongo_messages import MongoMessages
from tieline_webhooks.adapters.mongo_routed import MongoRoutedStore
from tieline_webhooks.adapters.spool import Spool
from tieline_webhooks.adapters.tables import IntegrationFeed, RouteFeed
from tieline_webhooks.adapters.webhook_secrets import WebhookSecrets
from tieline_webhooks.domain.integrations import IntegrationTable
from tieline_webhooks.domain.matching import Matcher
from tieline_webhooks.domain.route_index import RouteTable
from tieline_webhooks.domain.routes import ChannelRoute
from tieline_webhooks.entrypoints.intake import Intake
from tieline_webhooks.entrypoints.kafka import Consumers, build_router
from tieline_webhooks.handlers.deliver import Deliver
from tieline_webhooks.handlers.dispatch import Dispatcher
from tieline_webhooks.handlers.pace import Paces
from tieline_webhooks.handlers.receive import ReceiveWebhook, RefusedWebhookError, Webhook
from tieline_webhooks.handlers.route_events import RouteEvents
from tieline_webhooks.settings import WebhookSettings

SHORTEST_TOKEN = 16
SEND_MARGIN = timedelta(seconds=2)

log = logging.getLogger(__name__)


def create_app(settings: WebhookSettings) -> tuple[ASGIApp, Health]:
    """Return the router's app and its health. Nothing is connected before the app's lifespan starts.

    The spool is opened at once, so that a folder that can't be had is told before anything else.
    """
    token = settings.internal.token.get_secret_value()
    if len(token) < SHORTEST_TOKEN:
        raise ConfigurationError(f"TIELINE_INTERNAL__TOKEN: needs at least {SHORTEST_TOKEN} characters")
    longest_send = settings.outgoing.timeout + SEND_MARGIN
    if settings.webhooks.lease < longest_send * 1.5:
        raise ConfigurationError("TIELINE_WEBHOOKS__LEASE: at least 1.5 times TIELINE_OUTGOING__TIMEOUT and 2 s")
    return _Router(settings, longest_send=longest_send).app()


class _Router:
    """The parts, and how they hang together."""

    def __init__(self, settings: WebhookSettings, *, longest_send: timedelta) -> None:
        self._settings = settings
        options = settings.webhooks
        self._spool = Spool.open(options.spool_dir, max_bytes=options.spool_max_bytes)
        instance = instance_of(options.spool_dir)
        stripe = zlib.crc32(instance.encode())
        self._registry = RegistryClient(settings.internal)
        self._producer = RecordProducer(settings.kafka, client_id=f"webhook-router-{instance}")
        self._client = mongo.build_client(settings.mongo, app_name="tieline-webhook-router")
        self._database = mongo.database_of(self._client, settings.mongo)

        self._integrations = IntegrationTable()
        self._routes: RouteTable[ChannelRoute] = RouteTable()
        self._secrets = WebhookSecrets(self._registry)
        self._integration_table = TopicTable(
            settings.kafka,
            topic=INTEGRATION_EVENTS,
            client_id=f"webhook-router-integrations-{instance}",
            apply=IntegrationFeed(self._integrations, self._secrets, self._on_integration).apply,
        )
        self._route_table = TopicTable(
            settings.kafka,
            topic=ROUTE_EVENTS,
            client_id=f"webhook-router-routes-{instance}",
            apply=RouteFeed(self._routes).apply,
        )
        matcher = Matcher(self._routes)
        self._log = EventLog(
            EventProducer(settings.kafka, topic=EVENTS, client_id=f"webhook-router-events-{instance}"),
            self._spool,
            spool_after=options.spool_after.total_seconds(),
            max_in_flight=options.max_in_flight,
        )
        self._receive = ReceiveWebhook(
            integrations=self._integrations,
            secrets=self._secrets,
            matcher=matcher,
            log=self._log,
            clock=system_clock,
        )

        ledger = MongoLedger(self._database)
        self._lanes = MongoLanes(self._database, owner=instance, lease=options.lease)
        deliveries = MongoDeliveries(
            self._client, self._database, ledger, keep=options.delivery_retention, stripe=stripe + 1
        )
        self._caller = Caller(settings.outgoing)
        self._announcer = KafkaAnnouncer(self._producer)
        sends = asyncio.Semaphore(options.max_sends)
        deliver = Deliver(
            deliveries=deliveries,
            messages=MongoMessages(self._database, keep=options.event_retention),
            accounts=RegistryAccounts(self._registry, self._integrations),
            channels=build_channels(self._caller, system_clock),
            routes=self._routes,
            announcer=self._announcer,
            clock=system_clock,
            sending=lambda: sends,
        )
        self._dispatcher = Dispatcher(
            lanes=self._lanes,
            deliveries=deliveries,
            deliver=deliver,
            paces=Paces(time.monotonic),
            clock=system_clock,
            new_token=new_id,
            lease=options.lease,
            longest_send=longest_send,
        )
        route_events = RouteEvents(
            matcher=matcher,
            store=MongoRoutedStore(
                self._client, self._database, ledger, keep_events=options.event_retention, stripe=stripe
            ),
            dispatcher=self._dispatcher,
            clock=system_clock,
        )
        self._consumers = Consumers(
            settings.kafka,
            client_id=f"webhook-router-{instance}",
            build_router=lambda: build_router(
                settings.kafka, producer=self._producer, read=accepted_of, route_events=route_events
            ),
        )

    def app(self) -> tuple[ASGIApp, Health]:
        """Return the application and its health."""
        health = Health(
            {
                "kafka": self._kafka_missing,
                "mongo": lambda: mongo.missing(self._client),
                "registry": self._registry.check,
                "routing": self._consumers.missing,
            }
        )
        app = Starlette(routes=health.routes(), lifespan=self._lifespan)
        intake = Intake(
            app,
            receive=self._receive,
            on_refused=self._on_refused,
            max_body_bytes=self._settings.http.max_body_bytes,
            max_in_hand=self._settings.webhooks.max_in_flight,
        )
        return intake, health

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._client.close)
            stack.push_async_callback(self._producer.stop)
            stack.push_async_callback(self._spool.close)
            await stack.enter_async_context(self._registry)
            await stack.enter_async_context(self._caller)
            background = await stack.enter_async_context(BackgroundTasks())
            stack.push_async_callback(self._settle)
            background.start("event log", self._log.run())
            background.start("integrations", self._integration_table.run())
            background.start("routes", self._route_table.run())
            background.start("webhook secrets", self._secrets.run())
            background.start("producer", self._producer.start_when_possible())
            background.start("announcements", self._announcer.run())
            background.start("deliveries", self._deliver_when_possible())
            background.start("routing", self._route_when_possible())
            yield

    async def _settle(self) -> None:
        """Finish what is in hand: sends first, then what was accepted."""
        await self._dispatcher.stop()
        try:
            async with asyncio.timeout(self._settings.http.drain.total_seconds()):
                await self._log.settle()
        except TimeoutError:
            log.warning("some events were neither acknowledged nor spooled; their senders were not answered")

    async def _deliver_when_possible(self) -> None:
        await _until_done("the database", self._prepare_database)
        await self._integration_table.caught_up.wait()
        await self._route_table.caught_up.wait()
        await self._dispatcher.run()

    async def _prepare_database(self) -> None:
        await mongo.apply_indexes(self._database)
        await self._lanes.give_back_former()

    async def _route_when_possible(self) -> None:
        await self._route_table.caught_up.wait()
        await self._integration_table.caught_up.wait()
        await _until_done("the database", lambda: mongo.apply_indexes(self._database))
        await self._consumers.run()

    async def _kafka_missing(self) -> str | None:
        if not (self._route_table.caught_up.is_set() and self._integration_table.caught_up.is_set()):
            return "routes and integrations are not read yet"
        return "events go to the spool" if self._log.spooling else await self._producer.check()

    def _on_integration(self, before: Integration | None, after: Integration | None) -> None:
        pass

    def _on_refused(self, webhook: Webhook, refused: RefusedWebhookError) -> None:
        pass


async def _until_done(what: str, attempt: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await attempt()
        except TransientError as error:
            log.warning("waiting to try again", extra={"what": what, "reason": str(error)})
            await asyncio.sleep(1)
        else:
            return
