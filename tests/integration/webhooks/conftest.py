"""A router in its world, with Sentry and PagerDuty coming in, Slack and Discord going out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.channel_requests import objections, published_here
from tests.support.router_world import SECRETS, RouterWorld, router_world


@pytest.fixture
async def world(
    kafka_server: str, topic_prefix: str, mongo_server: str, mongo_database: str, tmp_path: Path
) -> AsyncIterator[RouterWorld]:
    """The surroundings: integrations are configured, routes and routers are up to the test."""
    async with router_world(
        kafka_server=kafka_server,
        topic_prefix=topic_prefix,
        mongo_server=mongo_server,
        mongo_database=mongo_database,
        folder=tmp_path,
    ) as world:
        for provider, secret in SECRETS.items():
            await world.integrate(provider, {"config.webhook_secret": secret})
        await world.integrate("slack", {"config.bot_token": "xoxb-test"}, base_url=world.addresses["slack"])
        await world.integrate("discord", {"config.bot_token": "discord-test"}, base_url=world.addresses["discord"])
        yield world
        if published_here():
            sent = {"slack": world.slack.received, "discord": world.discord.received}
            assert [wrong for platform, requests in sent.items() for wrong in objections(platform, requests)] == []
