"""Whose a webhook is, and whether it is genuine."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tieline.contracts.integrations import Integration
from tieline.routing.patterns import RoutePatterns
from tieline_webhooks.domain.accepted import AcceptedEvent
from tieline_webhooks.domain.errors import NotReadyError, UnknownHookError, UnknownSourceError
from tieline_webhooks.domain.integrations import IntegrationTable
from tieline_webhooks.domain.matching import Matcher
from tieline_webhooks.domain.quarantine import Webhook
from tieline_webhooks.domain.route_index import RouteTable
from tieline_webhooks.domain.routes import ChannelRoute
from tieline_webhooks.domain.senders.errors import UnusableBodyError
from tieline_webhooks.handlers.receive import (
    MOST_AT_ONCE,
    MOST_CANDIDATES,
    Receipt,
    ReceiveWebhook,
    RefusedWebhookError,
)

from tests.support.registry_stub import WORKSPACE, an_integration

NOW = datetime(2026, 3, 21, 14, 5, tzinfo=UTC)
OTHER = "22222222-2222-3333-4444-555555555555"
BODY = json.dumps({"action": "created", "data": {"issue": {"id": "1", "title": "Broken"}}}).encode()


class Appended:
    """A log that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[AcceptedEvent] = []

    def put(self, events: Iterable[tuple[AcceptedEvent, "asyncio.Future[None]"]]) -> None:
        for accepted, durable in events:
            self.events.append(accepted)
            durable.set_result(None)

    async def append_all(self, events: Sequence[AcceptedEvent]) -> None:
        self.events += events


class Known(dict[str, tuple[str, ...] | None]):
    """Secrets by integration; those that are None are still being read."""

    def of(self, integration_id: str) -> Sequence[str] | None:
        return self.get(integration_id, ())


class Given:
    """A handler and its surroundings."""

    def __init__(self, *integrations: Integration, routed: bool = True, **secrets: tuple[str, ...] | None) -> None:
        self.log = Appended()
        table = IntegrationTable()
        for each in integrations:
            table.put(each)
        routes: RouteTable[ChannelRoute] = RouteTable()
        if routed:
            routes.put(a_route())
        self.receive = ReceiveWebhook(
            integrations=table, secrets=Known(secrets), matcher=Matcher(routes), log=self.log, clock=lambda: NOW
        )


def a_route() -> ChannelRoute:
    return ChannelRoute(
        id="r1",
        workspace_id=WORKSPACE,
        event_type="sentry.*",
        patterns=RoutePatterns.parse("sentry.*"),
        channel="slack",
        channel_id="C1",
        project_id=None,
        enabled=True,
        content_filter=None,
        fallback_route_id=None,
        created_at=NOW,
    )


def sentry(integration_id: str = "i1", **changes: object) -> Integration:
    return an_integration(
        integration_id, **{"provider": "sentry", "secret_paths": ["config.webhook_secret"], **changes}
    )


def a_webhook(secret: str = "s1", *, body: bytes = BODY, **changes: str | None) -> Webhook:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    claims: dict[str, str | None] = {
        "source": "sentry",
        "workspace": "org-acme-corp",
        "integration_id": None,
        **changes,
    }
    return Webhook(
        source=str(claims["source"]),
        workspace=claims["workspace"],
        integration_id=claims["integration_id"],
        headers={"sentry-hook-signature": signature},
        body=body,
    )


async def test_a_genuine_webhook_is_appended_with_an_id_drawn_from_what_was_signed() -> None:
    given = Given(sentry(), i1=("s1",))

    first, again = await given.receive(a_webhook()), await given.receive(a_webhook())

    assert first == again
    assert (first.routed, first.agent_id) == (True, given.log.events[0].agent_id)
    assert given.log.events[0].body == BODY
    assert given.log.events[0].integration_id == "i1"


async def test_an_event_that_no_route_takes_has_no_agent() -> None:
    given = Given(sentry(), routed=False, i1=("s1",))

    receipt = await given.receive(a_webhook())

    assert (receipt.routed, receipt.agent_id) == (False, None)
    assert len(given.log.events) == 1


async def test_while_a_secret_is_rotated_both_are_good() -> None:
    given = Given(sentry(), i1=("old", "new"))

    await given.receive(a_webhook("old"))
    await given.receive(a_webhook("new"))

    assert len(given.log.events) == 2


async def test_of_several_integrations_the_one_that_signed_is_taken() -> None:
    given = Given(sentry("i1"), sentry("i2"), i1=("s1",), i2=("s2",))

    await given.receive(a_webhook("s2"))

    assert given.log.events[0].integration_id == "i2"


async def test_without_any_hint_the_signature_says_whose_it_is() -> None:
    given = Given(sentry("i1"), sentry("i2", workspace_id=OTHER, workspace_slug="other"), i1=("s1",), i2=("s2",))

    await given.receive(a_webhook("s2", workspace=None))

    assert given.log.events[0].workspace_id == OTHER


async def test_an_installation_says_whose_secret_to_try() -> None:
    many = [sentry(f"m{number}") for number in range(MOST_CANDIDATES + 1)]
    given = Given(*many, sentry("i1", config={"installation_id": "inst-1"}), i1=("s1",))
    body = json.dumps({"installation": {"uuid": "inst-1"}, **json.loads(BODY)}).encode()

    await given.receive(a_webhook(body=body, workspace=None))

    assert given.log.events[0].integration_id == "i1"


async def test_with_too_many_candidates_none_is_tried() -> None:
    many = [sentry(f"m{number}") for number in range(MOST_CANDIDATES + 1)]
    given = Given(*many, m1=("s1",))

    with pytest.raises(UnknownHookError):
        await given.receive(a_webhook(workspace=None))


async def test_in_a_workspace_only_those_with_a_secret_are_candidates() -> None:
    many = [sentry(f"m{number}", secret_paths=[]) for number in range(MOST_CANDIDATES * 4)]
    given = Given(*many, sentry("i1"), i1=("s1",))

    await given.receive(a_webhook())

    assert given.log.events[0].integration_id == "i1"


async def test_of_very_many_with_secrets_in_a_workspace_the_oldest_are_tried() -> None:
    many = [sentry(f"m{number}", created_at=NOW) for number in range(MOST_CANDIDATES)]
    oldest = sentry("i1", created_at=NOW - timedelta(days=1))
    given = Given(*many, oldest, i1=("s1",))

    await given.receive(a_webhook())

    assert given.log.events[0].integration_id == "i1"


@pytest.mark.parametrize(
    "webhook",
    [
        a_webhook(workspace="org-unknown"),
        a_webhook(workspace=None, integration_id="unknown"),
        a_webhook(workspace="org-unknown", integration_id="i1"),
        a_webhook(workspace=None, integration_id="i1", source="pagerduty"),
    ],
)
async def test_a_hook_that_is_not_there_is_refused_without_a_hint(webhook: Webhook) -> None:
    given = Given(sentry(), i1=("s1",))

    with pytest.raises(UnknownHookError):
        await given.receive(webhook)


async def test_a_disabled_integration_takes_nothing() -> None:
    given = Given(sentry(enabled=False), i1=("s1",))

    with pytest.raises(RefusedWebhookError):
        await given.receive(a_webhook())

    assert given.log.events == []


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [((), "no_secret_configured"), (("another",), "signature_mismatch"), (("",), "no_secret_configured")],
)
async def test_what_is_not_genuine_is_refused_with_its_reason(secrets: tuple[str, ...], reason: str) -> None:
    given = Given(sentry(), i1=secrets)

    with pytest.raises(RefusedWebhookError) as refused:
        await given.receive(a_webhook())

    assert refused.value.reason.reason == reason
    assert refused.value.workspace_id == WORKSPACE
    assert given.log.events == []


async def test_a_workspace_without_that_integration_keeps_what_was_sent_to_it() -> None:
    given = Given(an_integration("i1", provider="slack"))

    with pytest.raises(RefusedWebhookError) as refused:
        await given.receive(a_webhook())

    assert refused.value.workspace_id == WORKSPACE


async def test_while_the_secret_is_being_read_the_sender_is_asked_to_come_back() -> None:
    given = Given(sentry(), i1=None)

    with pytest.raises(NotReadyError):
        await given.receive(a_webhook())


async def test_an_unknown_source_and_an_unreadable_body_are_told_apart() -> None:
    given = Given(sentry(), i1=("s1",))

    with pytest.raises(UnknownSourceError):
        await given.receive(a_webhook(source="nobody"))
    with pytest.raises(UnusableBodyError):
        await given.receive(a_webhook(body=b"not json"))


async def test_what_comes_at_once_is_judged_one_by_one() -> None:
    given = Given(sentry(), i1=("s1",))
    bodies = [BODY.replace(b"Broken", b"Broken %d" % number) for number in range(3)]
    no_json = b"not JSON"

    outcomes = await asyncio.gather(
        given.receive(a_webhook(body=bodies[0])),
        given.receive(a_webhook("wrong", body=bodies[1])),
        given.receive(a_webhook(source="nobody")),
        given.receive(a_webhook(body=no_json)),
        given.receive(a_webhook(body=bodies[2])),
        return_exceptions=True,
    )

    assert [type(each) for each in outcomes] == [
        Receipt,
        RefusedWebhookError,
        UnknownSourceError,
        UnusableBodyError,
        Receipt,
    ]
    assert [event.body for event in given.log.events] == [bodies[0], bodies[2]]
    assert [each.event_id for each in (outcomes[0], outcomes[4])] == [event.id for event in given.log.events]  # type: ignore[union-attr]


async def test_more_than_are_taken_at_once_keep_their_order() -> None:
    given = Given(sentry(), i1=("s1",))
    bodies = [BODY.replace(b"Broken", b"Broken %d" % number) for number in range(3 * MOST_AT_ONCE + 1)]

    receipts = await asyncio.gather(*(given.receive(a_webhook(body=body)) for body in bodies))

    assert [event.body for event in given.log.events] == bodies
    assert [receipt.event_id for receipt in receipts] == [event.id for event in given.log.events]


async def test_one_whose_sender_hung_up_holds_up_no_other() -> None:
    given = Given(sentry(), i1=("s1",))
    gone = asyncio.create_task(given.receive(a_webhook("wrong")))
    stays = asyncio.create_task(given.receive(a_webhook()))
    await asyncio.sleep(0)  # both have come

    gone.cancel()

    assert (await stays).routed
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_everybody_hears_of_a_log_that_fails() -> None:
    given = Given(sentry(), i1=("s1",))

    class BrokenLogError(Exception):
        pass

    def put(_events: Iterable[tuple[AcceptedEvent, "asyncio.Future[None]"]]) -> None:
        raise BrokenLogError

    given.log.put = put  # type: ignore[assignment,method-assign]
    outcomes = await asyncio.gather(given.receive(a_webhook()), given.receive(a_webhook()), return_exceptions=True)

    assert [type(each) for each in outcomes] == [BrokenLogError, BrokenLogError]
