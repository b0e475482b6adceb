"""Each channel's client against its stand-in: what is sent, and what the platform's answers mean."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tieline.clock import system_clock
from tieline.contracts.routes import Channel
from tieline.outgoing import HostClients
from tieline.settings import OutgoingSettings
from tieline_simulators import (
    DiscordSimulator,
    Fault,
    SlackSimulator,
    TelegramSimulator,
    WebhookSimulator,
    WhatsAppSimulator,
    running,
)
from tieline_simulators.stand_in import StandIn
from tieline_webhooks.adapters.channels import build_channels
from tieline_webhooks.domain.channels import Account, base_url
from tieline_webhooks.domain.deliveries import Blocked, Delivered, Failed, NotEditable, Outcome, Parked, RateLimited
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.messages import render
from tieline_webhooks.ports import ChannelClient, LookupImpossibleError

AT = datetime(2026, 3, 21, 14, 5, tzinfo=UTC)
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STAND_INS: dict[Channel, type[StandIn]] = {
    "slack": SlackSimulator,
    "discord": DiscordSimulator,
    "telegram": TelegramSimulator,
    "whatsapp": WhatsAppSimulator,
    "webhook": WebhookSimulator,
}
DESTINATIONS = {
    "slack": "C0ERRORS",
    "discord": "1175000000000000042",
    "telegram": "-100200300",
    "whatsapp": "+15550100",
}
ALL: list[Channel] = ["slack", "discord", "telegram", "whatsapp", "webhook"]
CHATS: list[Channel] = ["slack", "discord", "telegram", "whatsapp"]
EDITING: list[Channel] = ["slack", "discord", "telegram"]


@dataclass
class Reached:
    """One channel's client, its stand-in and an account there."""

    channel: Channel
    client: ChannelClient
    stand_in: Any
    account: Account
    destination: str

    async def post(self, *, state: str = "open", delivery_id: str = "0d9c1f0e-1111-5222-8333-444455556666") -> Outcome:
        """Send a message about an incident."""
        return await self.client.post(self.account, self.destination, self.body(state), delivery_id=delivery_id)

    def body(self, state: str) -> dict[str, Any]:
        """Return a message's body."""
        event = NormalisedEvent(
            type=f"incident.{state}",
            source="pagerduty",
            subject="pagerduty/incident/1",
            title="Checkout answers 500",
            dedupe_key="k",
            state=state,  # type: ignore[arg-type]  # a state
            link="https://acme.pagerduty.com/incidents/1",
        )
        return render(self.channel, event, event_id="e1", received_at=AT)


@asynccontextmanager
async def reached(channel: Channel, **settings: Any) -> AsyncIterator[Reached]:
    async with AsyncExitStack() as stack:
        stand_in = STAND_INS[channel]()
        addresses = await stack.enter_async_context(running(stand_in=stand_in))
        outgoing = OutgoingSettings(
            dangerous_allow_private_addresses=settings.pop("private_addresses", True),
            allow_http=True,
            timeout=settings.pop("timeout", timedelta(seconds=5)),
        )
        caller = await stack.enter_async_context(HostClients(outgoing))
        address = addresses["stand_in"]
        yield Reached(
            channel=channel,
            client=build_channels(caller, system_clock)[channel],
            stand_in=stand_in,
            account=Account(
                workspace_id="22222222-2222-4222-8222-222222222222",
                integration_id="i1",
                revision=1,
                channel=channel,
                base_url=base_url(channel, address),
                secret=settings.pop("secret", SIGNING_SECRET if channel == "webhook" else "good-token"),
                config={"phone_number_id": "106540352242922"},
            ),
            destination=DESTINATIONS.get(channel, f"{address}/hooks/incidents"),
        )


@pytest.mark.parametrize("channel", ALL)
async def test_a_message_arrives_and_reads_well(channel: Channel) -> None:
    async with reached(channel) as here:
        outcome = await here.post()
        [request] = here.stand_in.received

    assert isinstance(outcome, Delivered)
    assert (outcome.message_id is None) == (channel == "webhook")
    assert b"Checkout answers 500" in request.raw
    assert b"https://acme.pagerduty.com/incidents/1" in request.raw


@pytest.mark.parametrize("channel", EDITING)
async def test_a_message_is_changed_in_place(channel: Channel) -> None:
    async with reached(channel) as here:
        posted = await here.post()
        assert isinstance(posted, Delivered)
        edited = await here.client.edit(here.account, here.destination, str(posted.message_id), here.body("resolved"))
        [shown] = here.stand_in.messages.values()

    assert isinstance(edited, Delivered)
    assert edited.edited
    assert "resolved" in str(shown)


@pytest.mark.parametrize(("channel", "gone"), [("slack", "1700000000.000100"), ("discord", "99"), ("telegram", "99")])
async def test_a_message_that_is_gone_cannot_be_changed(channel: Channel, gone: str) -> None:
    async with reached(channel) as here:
        outcome = await here.client.edit(here.account, here.destination, gone, here.body("resolved"))

    assert outcome == NotEditable()


@pytest.mark.parametrize("channel", ["slack", "discord"])
async def test_a_message_whose_answer_was_lost_is_found_again(channel: Channel) -> None:
    async with reached(channel) as here:
        since = system_clock()
        here.stand_in.faults.add(Fault(kind="accept_then_reset"))
        lost = await here.post(delivery_id="0d9c1f0e-1111-5222-8333-444455556666")
        await here.post(delivery_id="99999999-1111-5222-8333-444455556666")
        found = await here.client.find(
            here.account, here.destination, delivery_id="0d9c1f0e-1111-5222-8333-444455556666", since=since
        )
        absent = await here.client.find(
            here.account, here.destination, delivery_id="00000000-1111-5222-8333-444455556666", since=since
        )
        ids = [str(message.get("ts", message.get("id"))) for message in here.stand_in.messages.values()]

    assert isinstance(lost, Failed)
    assert lost.answer_lost
    assert found == ids[0]
    assert absent is None


@pytest.mark.parametrize("channel", ["telegram", "whatsapp", "webhook"])
async def test_platforms_without_a_look_up_say_so(channel: Channel) -> None:
    async with reached(channel) as here:
        with pytest.raises(LookupImpossibleError):
            await here.client.find(here.account, here.destination, delivery_id="d1", since=AT)


@pytest.mark.parametrize("channel", ALL)
async def test_a_rate_limit_is_one(channel: Channel) -> None:
    async with reached(channel) as here:
        here.stand_in.faults.add(Fault(kind="rate_limit", retry_after=7.0))
        outcome = await here.post()

    assert isinstance(outcome, RateLimited)
    assert outcome.retry_after == timedelta(seconds=5 if channel == "whatsapp" else 7)


@pytest.mark.parametrize("channel", ALL)
@pytest.mark.parametrize(
    ("fault", "answer_lost"),
    [
        (Fault(kind="status", status=500), False),
        (Fault(kind="status", status=503), False),
        (Fault(kind="status", status=502), True),
        (Fault(kind="reset"), True),
        (Fault(kind="accept_then_reset"), True),
        (Fault(kind="truncate"), True),
    ],
)
async def test_what_may_pass_is_tried_again(channel: Channel, fault: Fault, answer_lost: bool) -> None:
    async with reached(channel) as here:
        here.stand_in.faults.add(Fault(kind=fault.kind, status=fault.status))
        outcome = await here.post()

    assert isinstance(outcome, Failed)
    assert outcome.answer_lost is answer_lost


@pytest.mark.parametrize("channel", ALL)
async def test_a_platform_that_does_not_answer_is_given_up_in_time(channel: Channel) -> None:
    async with reached(channel, timeout=timedelta(milliseconds=200)) as here:
        here.stand_in.faults.add(Fault(kind="hang", seconds=5))
        outcome = await here.post()

    assert isinstance(outcome, Failed)
    assert outcome.answer_lost


@pytest.mark.parametrize("channel", ALL)
async def test_nobody_there_is_a_failure_without_doubt(channel: Channel) -> None:
    async with reached(channel) as here:
        account, destination = here.account, here.destination
        client = here.client
        body = here.body("open")
        nowhere = "http://127.0.0.1:9"
        away = Account(
            workspace_id=account.workspace_id,
            integration_id="i1",
            revision=account.revision,
            channel=channel,
            base_url=base_url(channel, nowhere),
            secret=account.secret,
            config=account.config,
        )
        outcome = await client.post(
            away, f"{nowhere}/x" if channel == "webhook" else destination, body, delivery_id="d1"
        )

    assert isinstance(outcome, Failed)
    assert not outcome.answer_lost


@pytest.mark.parametrize("channel", CHATS)
async def test_a_refused_token_parks(channel: Channel) -> None:
    async with reached(channel) as here:
        here.stand_in.configure({"tokens": ["another-token"]})
        outcome = await here.post()

    assert isinstance(outcome, Blocked)
    assert outcome.reason is Parked.CREDENTIALS_REFUSED
    assert "good-token" not in repr(outcome)


@pytest.mark.parametrize("channel", EDITING)
async def test_a_channel_that_is_not_there_parks(channel: Channel) -> None:
    async with reached(channel) as here:
        here.stand_in.configure({"channels": ["777"]})
        outcome = await here.post()

    assert isinstance(outcome, Blocked)
    assert outcome.reason is Parked.CHANNEL_UNAVAILABLE


async def test_a_service_of_ones_own_can_verify_what_it_gets() -> None:
    async with reached("webhook") as here:
        here.stand_in.configure({"secrets": [SIGNING_SECRET]})
        outcome = await here.post(delivery_id="0d9c1f0e-1111-5222-8333-444455556666")
        here.stand_in.configure({"secrets": ["whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA=="]})
        refused = await here.post()
        [request] = here.stand_in.received

    assert isinstance(outcome, Delivered)
    assert request.headers["webhook-id"] == "0d9c1f0e-1111-5222-8333-444455556666"
    assert isinstance(refused, Failed)


@pytest.mark.parametrize(
    "address", ["", "https://169.254.169.254/latest/meta-data", "https://[::1]/x", "ftp://x.example/"]
)
async def test_an_address_of_our_own_network_is_refused_and_parks(address: str) -> None:
    async with reached("webhook", private_addresses=False) as here:
        outcome = await here.client.post(here.account, address or here.destination, here.body("open"), delivery_id="d1")
        received = list(here.stand_in.received)

    assert isinstance(outcome, Blocked)
    assert outcome.reason is Parked.CHANNEL_UNAVAILABLE
    assert received == []


async def test_redirects_of_a_service_are_not_followed() -> None:
    async with reached("webhook") as here:
        here.stand_in.faults.add(Fault(kind="status", status=302))
        outcome = await here.post()
        received = list(here.stand_in.received)

    assert isinstance(outcome, Failed)
    assert received == []
