"""Stand-ins served on free ports, and a client to call them."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from tieline_simulators import DiscordSimulator, PagerDutySimulator, ServiceNowSimulator, SlackSimulator, running

from tests.unit.simulators.clock import SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def slack(clock: SetClock) -> SlackSimulator:
    return SlackSimulator(clock=clock)


@pytest.fixture
async def slack_api(slack: SlackSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(slack=slack) as addresses:
        headers = {"Authorization": "Bearer xoxb-test"}
        async with httpx2.AsyncClient(base_url=addresses["slack"], headers=headers) as client:
            yield client


@pytest.fixture
def discord(clock: SetClock) -> DiscordSimulator:
    return DiscordSimulator(clock=clock)


@pytest.fixture
async def discord_api(discord: DiscordSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(discord=discord) as addresses:
        headers = {"Authorization": "Bot test"}
        async with httpx2.AsyncClient(base_url=addresses["discord"], headers=headers) as client:
            yield client


@pytest.fixture
async def pagerduty_api() -> AsyncIterator[httpx2.AsyncClient]:
    async with running(pagerduty=PagerDutySimulator(incidents=30)) as addresses:
        headers = {"Authorization": "Token token=test", "From": "mira@example.com"}
        async with httpx2.AsyncClient(base_url=addresses["pagerduty"], headers=headers) as client:
            yield client


@pytest.fixture
def servicenow(clock: SetClock) -> ServiceNowSimulator:
    return ServiceNowSimulator(clock=clock)


@pytest.fixture
async def servicenow_api(servicenow: ServiceNowSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(servicenow=servicenow) as addresses:
        signed_in = httpx2.AsyncClient(base_url=addresses["servicenow"], auth=("reader", "secret"))
        async with signed_in as client:
            yield client
