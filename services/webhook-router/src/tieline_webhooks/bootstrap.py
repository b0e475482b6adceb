"""Puts the webhook router together: settings read once, connections opened and closed with the app."""

import asyncio
import gc
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from starlette.types import ASGIApp
from tieline.clock import system_clock
from tieline.errors import ConfigurationError, TransientError
from tieline.ids import new_id
from tieline.kafka.producer import RecordProducer
from tieline.kafka.tables import TopicTable
from tieline.key_resolver import KeyResolver
from tieline.outgoing import HostClients
from tieline.provider_client import ProviderClient
from tieline.registry_client import RegistryClient
from tieline.service.background import BackgroundTasks
from tieline.service.health import Check, Health
from tieline.topics import EVENTS, INTEGRATION_EVENTS, ROUTE_EVENTS

from tieline_webhooks.adapters import mongo
from tieline_webhooks.adapters.accounts import RegistryAccounts
from tieline_webhooks.adapters.agent_feed import KafkaAgents
from tieline_webhooks.adapters.announcements import KafkaAnnouncer
from tieline_webhooks.adapters.channel_health import ChannelHealth
from tieline_webhooks.adapters.channels import build_channels
from tieline_webhooks.adapters.channels.watched import WatchedChannel
from tieline_webhooks.adapters.delivery_metrics import show_deliveries
from tieline_webhooks.adapters.event_log import EventLog
from tieline_webhooks.adapters.event_producer import EventProducer
from tieline_webhooks.adapters.event_records import accepted_of
from tieline_webhooks.adapters.instance import instance_of
from tieline_webhooks.adapters.ledger_metrics import show_ledger
from tieline_webhooks.adapters.mongo_deliveries import MongoDeliveries
from tieline_webhooks.adapters.mongo_delivery_list import MongoDeliveryList
from tieline_webhooks.adapters.mongo_events import MongoEvents
from tieline_webhooks.adapters.mongo_lanes import MongoLanes
from tieline_webhooks.adapters.mongo_ledger import STRIPES, MongoLedger
from tieline_webhooks.adapters.mongo_messages import MongoMessages
from tieline_webhooks.adapters.mongo_quarantine import MongoQuarantine
from tieline_webhooks.adapters.mongo_routed import MongoRoutedStore
from tieline_webhooks.adapters.sealed import QuarantineSeal
from tieline_webhooks.adapters.spool import Spool
from tieline_webhooks.adapters.tables import IntegrationFeed, RouteFeed
from tieline_webhooks.adapters.webhook_secrets import WebhookSecrets
from tieline_webhooks.domain.integrations import IntegrationTable
from tieline_webhooks.domain.matching import Matcher
from tieline_webhooks.domain.quarantine import Webhook
from tieline_webhooks.domain.route_index import RouteTable
from tieline_webhooks.domain.routes import ChannelRoute
from tieline_webhooks.entrypoints.api import build_api
from tieline_webhooks.entrypoints.callers import Services
from tieline_webhooks.entrypoints.intake import Intake
from tieline_webhooks.entrypoints.kafka import Consumers, build_router
from tieline_webhooks.handlers.deliver import Deliver
from tieline_webhooks.handlers.dispatch import Dispatcher
from tieline_webhooks.handlers.explain import Explain
from tieline_webhooks.handlers.follow_integrations import FollowIntegrations
from tieline_webhooks.handlers.manage import ManageDeliveries
from tieline_webhooks.handlers.pace import Paces, Sends
from tieline_webhooks.handlers.publish import PublishEvents
from tieline_webhooks.handlers.quarantine import Quarantine
from tieline_webhooks.handlers.receive import ReceiveWebhook, RefusedWebhookError
from tieline_webhooks.handlers.route_events import RouteEvents
from tieline_webhooks.settings import WebhookSettings

SHARES_OF_SENDS = 4  # an account has at most a quarter of them
GIVE_UP_SECONDS = 3600.0  # between looks for what has waited too long

log = logging.getLogger(__name__)


def create_app(settings: WebhookSettings) -> tuple[ASGIApp, Health]:
    """Return the router's app and its health. Nothing is connected before the app's lifespan starts.

    The spool is opened at once, so that a folder that can't be had is told before anything else.
    Raises ConfigurationError.
    """
    if problems := settings.problems():
        raise ConfigurationError("; ".join(problems))
    return WebhookRouter(settings, longest_send=settings.longest_send).app()


class WebhookRouter:
    """The parts, and how they hang together."""

    def __init__(self, settings: WebhookSettings, *, longest_send: timedelta) -> None:
        options = settings.webhooks
        self._settings = settings
        self._longest_send = longest_send
        self._delivers = "delivery" in options.roles
        self._spool = Spool.open(options.spool_dir, max_bytes=options.spool_max_bytes)
        self._instance = instance_of(options.spool_dir)
        self._client_id = f"webhook-router-{self._instance}"
        # Another one after each start: a transaction of a process that was killed may hold its own locked for a minute.
        self._stripe = random.randrange(STRIPES)
        self._registry = RegistryClient(settings.internal)
        self._producer = RecordProducer(settings.kafka, client_id=self._client_id)
        self._client = mongo.build_client(settings.mongo, app_name="tieline-webhook-router")
        self._database = mongo.database_of(self._client, settings.mongo)
        self._ledger = MongoLedger(self._database)
        self._integrations = IntegrationTable()
        self._secrets = WebhookSecrets(self._registry)
        self._routes: RouteTable[ChannelRoute] = RouteTable()
        self._matcher = Matcher(self._routes)
        self._log = EventLog(
            EventProducer(settings.kafka, topic=EVENTS, client_id=f"{self._client_id}-events"),
            self._spool,
            spool_after=options.spool_after.total_seconds(),
            max_in_flight=options.max_in_flight,
        )
        self._receive = ReceiveWebhook(
            integrations=self._integrations,
            secrets=self._secrets,
            matcher=self._matcher,
            log=self._log,
            clock=system_clock,
        )
        self._quarantine = MongoQuarantine(
            self._database,
            QuarantineSeal.of(options.quarantine_key.get_secret_value(), options.spool_dir),
            most=options.quarantine_max_entries,
            keep=options.quarantine_retention,
        )
        self._caller = HostClients(settings.outgoing, most_connections=options.max_sends)
        self._providers = ProviderClient(settings.internal)
        self._channel_health = ChannelHealth(self._providers)
        self._announcer = KafkaAnnouncer(self._producer)
        self._lanes = MongoLanes(self._database, owner=self._instance, lease=options.lease)
        self._paces = Paces(time.monotonic)
        self._dispatcher = self._build_dispatcher()
        self._delivery_list = MongoDeliveryList(
            self._client, self._database, self._ledger, keep=options.delivery_retention, stripe=self._stripe + 2
        )
        self._manage = ManageDeliveries(
            deliveries=self._delivery_list,
            dispatcher=self._dispatcher,
            announcer=self._announcer,
            clock=system_clock,
        )
        self._follow = FollowIntegrations(self._manage)
        self._consumers = self._build_consumers()
        integration_feed = IntegrationFeed(self._integrations, self._secrets, self._follow.on_change)
        self._integration_table = self._table(INTEGRATION_EVENTS, integration_feed.apply)
        self._route_table = self._table(ROUTE_EVENTS, RouteFeed(self._routes).apply)

    def app(self) -> tuple[ASGIApp, Health]:
        """Return the application and its health."""
        checks: dict[str, Check] = {
            "kafka": self._kafka_missing,
            "mongo": lambda: mongo.missing(self._client),
            "registry": self._registry.check,
        }
        if self._delivers:
            checks["routing"] = self._consumers.missing
        health = Health(checks)
        api = build_api(max_body_bytes=self._settings.http.max_body_bytes)
        api.router.lifespan_context = self._lifespan
        api.state.services = self._services()
        api.routes.extend(health.routes())
        if "intake" not in self._settings.webhooks.roles:
            return api, health
        intake = Intake(
            api,
            receive=self._receive,
            on_refused=self._on_refused,
            max_body_bytes=self._settings.http.max_body_bytes,
            max_in_hand=self._settings.webhooks.max_in_flight,
        )
        return intake, health

    def _table(self, topic: str, apply: Callable[..., None]) -> TopicTable:
        client_id = f"{self._client_id}-{topic}"
        return TopicTable(self._settings.kafka, topic=topic, client_id=client_id, apply=apply)

    def _build_dispatcher(self) -> Dispatcher:
        options = self._settings.webhooks
        share = max(1, options.max_sends // SHARES_OF_SENDS)
        sends = Sends(options.max_sends, share, fails=self._paces.fails)
        deliveries = MongoDeliveries(
            self._client, self._database, self._ledger, keep=options.delivery_retention, stripe=self._stripe + 1
        )
        deliver = Deliver(
            deliveries=deliveries,
            messages=MongoMessages(self._database, keep=options.event_retention),
            accounts=RegistryAccounts(self._registry, self._integrations),
            channels={
                name: WatchedChannel(channel, self._channel_health)
                for name, channel in build_channels(self._caller, system_clock).items()
            },
            routes=self._routes,
            announcer=self._announcer,
            clock=system_clock,
            sending=sends.one,
        )
        return Dispatcher(
            lanes=self._lanes,
            deliveries=deliveries,
            deliver=deliver,
            paces=self._paces,
            clock=system_clock,
            new_token=new_id,
            lease=options.lease,
            longest_send=self._longest_send,
        )

    def _build_consumers(self) -> Consumers:
        store = MongoRoutedStore(
            self._client,
            self._database,
            self._ledger,
            keep_events=self._settings.webhooks.event_retention,
            stripe=self._stripe,
        )
        route_events = RouteEvents(
            matcher=self._matcher,
            store=store,
            agents=KafkaAgents(self._producer),
            announcer=self._announcer,
            dispatcher=self._dispatcher,
            clock=system_clock,
        )
        return Consumers(
            self._settings.kafka,
            client_id=self._client_id,
            build_router=lambda: build_router(
                self._settings.kafka,
                producer=self._producer,
                read=accepted_of,
                route_events=route_events,
                instance=self._instance,
            ),
        )

    def _services(self) -> Services:
        events = MongoEvents(self._database)
        return Services(
            keys=KeyResolver(self._registry),
            publish=PublishEvents(matcher=self._matcher, log=self._log, clock=system_clock),
            manage=self._manage,
            explain=Explain(matcher=self._matcher, events=events, clock=system_clock),
            quarantine=Quarantine(self._quarantine, self._receive),
            deliveries=self._delivery_list,
            entries=self._quarantine,
            events=events,
            ledger=self._ledger,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._client.close)
            stack.push_async_callback(self._producer.stop)
            stack.push_async_callback(self._spool.close)
            await stack.enter_async_context(self._registry)
            await stack.enter_async_context(self._caller)
            await stack.enter_async_context(self._providers)
            background = await stack.enter_async_context(BackgroundTasks())
            stack.push_async_callback(self._settle)
            stack.enter_context(self._show_metrics())
            background.start("event log", self._log.run())
            background.start("integrations", self._integration_table.run())
            background.start("routes", self._route_table.run())
            background.start("webhook secrets", self._secrets.run())
            background.start("producer", self._producer.start_when_possible())
            background.start("announcements", self._announcer.run())
            background.start("quarantine", self._quarantine.run())
            background.start("tables", self._leave_tables_to_themselves())
            if self._delivers:
                background.start("work", self._work())
            yield

    def _show_metrics(self) -> ExitStack:
        return show_deliveries(
            database=self._database,
            spool=self._spool,
            spool_limit=self._settings.webhooks.spool_max_bytes,
            paces=self._paces,
            secrets_missing=lambda: self._secrets.missing,
            clock=system_clock,
        )

    async def _leave_tables_to_themselves(self) -> None:
        """Keep Python from looking for garbage in the tables again and again, which stops everything for its time."""
        await self._route_table.caught_up.wait()
        await self._integration_table.caught_up.wait()
        gc.collect()
        gc.freeze()

    async def _work(self) -> None:
        """Route and deliver, once everything that this needs is there."""
        await self._route_table.caught_up.wait()
        await self._integration_table.caught_up.wait()
        await _until_done("the database", self._prepare_database)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._consumers.run())
            tasks.create_task(self._dispatcher.run())
            tasks.create_task(self._follow.run())
            tasks.create_task(self._channel_health.run())
            tasks.create_task(self._give_up_what_nobody_wants())
            tasks.create_task(show_ledger(self._ledger))

    async def _give_up_what_nobody_wants(self) -> None:
        while True:
            try:
                given_up = await self._manage.expire(untouched_for=self._settings.webhooks.delivery_retention)
            except TransientError as error:
                log.warning("cannot give up old deliveries", extra={"reason": str(error)})
            else:
                if given_up:
                    log.warning("gave up deliveries that waited too long", extra={"deliveries": given_up})
            await asyncio.sleep(GIVE_UP_SECONDS)

    async def _prepare_database(self) -> None:
        await mongo.apply_indexes(self._database)
        await self._lanes.give_back_former()

    async def _settle(self) -> None:
        """Finish what is in hand: sends first, then what was accepted."""
        await self._dispatcher.stop()
        try:
            async with asyncio.timeout(self._settings.http.drain.total_seconds()):
                await self._log.settle()
        except TimeoutError:
            log.warning("some events were neither acknowledged nor spooled; their senders were not answered")

    async def _kafka_missing(self) -> str | None:
        if not (self._route_table.caught_up.is_set() and self._integration_table.caught_up.is_set()):
            return "routes and integrations are not read yet"
        return "events go to the spool" if self._log.spooling else await self._producer.check()

    def _on_refused(self, webhook: Webhook, refused: RefusedWebhookError) -> None:
        if refused.workspace_id is not None:
            self._quarantine.put(
                webhook,
                workspace_id=refused.workspace_id,
                reason=refused.reason.reason,
                detail=str(refused.reason),
                at=system_clock(),
            )


async def create_indexes(settings: WebhookSettings) -> None:
    """Create the indexes that are missing, once. Raises DatabaseUnavailableError."""
    client = mongo.build_client(settings.mongo, app_name="tieline-webhook-router")
    try:
        await mongo.apply_indexes(mongo.database_of(client, settings.mongo))
    finally:
        await client.close()


async def _until_done(what: str, attempt: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await attempt()
        except TransientError as error:
            log.warning("waiting to try again", extra={"what": what, "reason": str(error)})
            await asyncio.sleep(1)
        else:
            return
