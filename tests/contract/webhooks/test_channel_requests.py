"""Whatever a channel's client sends, new messages, edits and look-ups, is what its platform publishes."""

from typing import Any

import pytest
from tieline.clock import system_clock
from tieline.contracts.routes import Channel
from tieline_simulators import Fault
from tieline_webhooks.domain.deliveries import Delivered

from tests.integration.webhooks.test_channels import CHATS, reached
from tests.shared_data import shared_data
from tests.support.channel_requests import objections

LOST = "99999999-1111-5222-8333-444455556666"


@pytest.mark.parametrize("channel", CHATS)
async def test_requests_are_as_published(channel: Channel) -> None:
    shared_data("specs")
    async with reached(channel) as here:
        posted = await here.post()
        assert isinstance(posted, Delivered)
        if here.client.edits:
            edit = (here.account, here.destination, str(posted.message_id), here.body("resolved"))
            assert isinstance(await here.client.edit(*edit), Delivered)
        if channel in {"slack", "discord"}:
            here.stand_in.faults.add(Fault(kind="accept_then_reset"))
            await here.post(delivery_id=LOST)
            found = await here.client.find(here.account, here.destination, delivery_id=LOST, since=system_clock())
            assert found is not None
        sent = list(here.stand_in.received)

    assert len(sent) == {"slack": 4, "discord": 4, "telegram": 2, "whatsapp": 1}[channel]
    assert objections(channel, sent) == []


@pytest.mark.parametrize(
    ("channel", "spoiled"),
    [
        ("slack", {"blink": True}),
        ("discord", {"embeds": 5}),
        ("telegram", {"blink": True}),
        ("whatsapp", {"text": {"body": 5}}),
    ],
)
async def test_a_request_that_is_not_as_published_is_noticed(channel: Channel, spoiled: dict[str, Any]) -> None:
    shared_data("specs")
    async with reached(channel) as here:
        await here.client.post(here.account, here.destination, {**here.body("open"), **spoiled}, delivery_id="d1")
        sent = list(here.stand_in.received)

    assert objections(channel, sent) != [] or sent == []  # the description says so, or the stand-in refused it
