"""Stand-ins served on free ports, and a client to call them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from tieline_simulators import (
    DiscordSimulator,
    GitHubSimulator,
    JiraSimulator,
    LinearSimulator,
    PagerDutySimulator,
    SentrySimulator,
    ServiceNowSimulator,
    SlackSimulator,
    TelegramSimulator,
    WebhookSimulator,
    WhatsAppSimulator,
    running,
)
from tieline_simulators.stand_in import StandIn

from tests.unit.simulators.clock import SetClock


@asynccontextmanager
async def calling(stand_in: StandIn, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(it=stand_in) as addresses:
        client = httpx2.AsyncClient(base_url=addresses["it"], headers=headers)
        async with client:
            yield client


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def slack(clock: SetClock) -> SlackSimulator:
    return SlackSimulator(clock=clock)


@pytest.fixture
async def slack_api(slack: SlackSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(slack, Authorization="Bearer xoxb-test") as client:
        yield client


@pytest.fixture
def discord(clock: SetClock) -> DiscordSimulator:
    return DiscordSimulator(clock=clock)


@pytest.fixture
async def discord_api(discord: DiscordSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(discord, Authorization="Bot test") as client:
        yield client


@pytest.fixture
def pagerduty(clock: SetClock) -> PagerDutySimulator:
    return PagerDutySimulator(incidents=30, clock=clock)


@pytest.fixture
async def pagerduty_api(pagerduty: PagerDutySimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(pagerduty, Authorization="Token token=test", From="mira@example.com") as client:
        yield client


@pytest.fixture
def servicenow(clock: SetClock) -> ServiceNowSimulator:
    return ServiceNowSimulator(clock=clock)


@pytest.fixture
async def servicenow_api(servicenow: ServiceNowSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(servicenow) as client:
        client.auth = ("reader", "secret")
        yield client


@pytest.fixture
def telegram(clock: SetClock) -> TelegramSimulator:
    return TelegramSimulator(clock=clock)


@pytest.fixture
async def telegram_api(telegram: TelegramSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(telegram) as client:
        yield client


@pytest.fixture
def whatsapp(clock: SetClock) -> WhatsAppSimulator:
    return WhatsAppSimulator(clock=clock)


@pytest.fixture
async def whatsapp_api(whatsapp: WhatsAppSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(whatsapp, Authorization="Bearer test") as client:
        yield client


@pytest.fixture
def webhook(clock: SetClock) -> WebhookSimulator:
    return WebhookSimulator(clock=clock)


@pytest.fixture
async def webhook_api(webhook: WebhookSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(webhook) as client:
        yield client


@pytest.fixture
def sentry(clock: SetClock) -> SentrySimulator:
    return SentrySimulator(clock=clock)


@pytest.fixture
async def sentry_api(sentry: SentrySimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(sentry, Authorization="Bearer test") as client:
        yield client


@pytest.fixture
def linear(clock: SetClock) -> LinearSimulator:
    return LinearSimulator(clock=clock)


@pytest.fixture
async def linear_api(linear: LinearSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(linear, Authorization="lin_api_test") as client:
        yield client


@pytest.fixture
def jira(clock: SetClock) -> JiraSimulator:
    return JiraSimulator(clock=clock)


@pytest.fixture
async def jira_api(jira: JiraSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(jira, Authorization="Bearer test") as client:
        yield client


@pytest.fixture
def github(clock: SetClock) -> GitHubSimulator:
    return GitHubSimulator(clock=clock)


@pytest.fixture
async def github_api(github: GitHubSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with calling(github, Authorization="Bearer test") as client:
        yield client
