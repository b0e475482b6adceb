"""A webhook comes in, a message goes out: once, readable, and only if it is genuine."""

from tests.support.router_world import (
    RouterWorld,
    a_pagerduty_incident,
    a_sentry_issue,
    signed_pagerduty,
    signed_sentry,
)


async def test_webhooks_become_messages_on_the_routed_channels(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.route("route-2", "incident.*", "discord", "1175000000000000042")
    router = world.new_router()
    await router.start()
    issue, incident = a_sentry_issue(), a_pagerduty_incident()

    sentry = await world.routed("sentry", issue, signed_sentry(issue))
    pagerduty = await world.routed("pagerduty", incident, signed_pagerduty(incident))
    await world.settled(2)

    assert sentry.json()["received"] is True
    assert sentry.json()["agentId"].startswith("agent-")
    assert pagerduty.json()["routed"] is True
    [in_slack] = world.slack.messages.values()
    shown = str(in_slack)
    for word in (
        "TypeError: undefined is not a function",
        "error",
        "storefront",
        "https://acme.sentry.io/issues/4812345/",
    ):
        assert word in shown
    [in_discord] = world.discord.messages.values()
    for word in ("Checkout answers 500", "high", "checkout", "https://acme.pagerduty.com/incidents/Q1ABC"):
        assert word in str(in_discord)


async def test_the_same_webhook_again_delivers_nothing_more(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    body = a_sentry_issue()

    first = await world.routed("sentry", body, signed_sentry(body))
    for _ in range(5):
        again = await world.post("sentry", body, signed_sentry(body))
        assert again.json() == first.json()
    other = a_sentry_issue("4812399")
    await world.routed("sentry", other, signed_sentry(other))
    await world.settled(2)

    assert len(world.slack.messages) == 2


async def test_a_wrong_signature_is_refused_and_delivers_nothing(world: RouterWorld) -> None:
    await world.route("route-1", "sentry.*", "slack", "C0ERRORS")
    await world.new_router().start()
    genuine, forged = a_sentry_issue("1"), a_sentry_issue("2")

    answer = await world.post("sentry", forged, signed_sentry(forged, secret="somebody else's"))
    await world.routed("sentry", genuine, signed_sentry(genuine))
    await world.settled(1)

    assert answer.status_code == 401
    assert answer.json() == {
        "error": "The webhook could not be verified",
        "code": "WEBHOOK_NOT_VERIFIED",
        "status": 401,
    }
    assert len(world.slack.messages) == 1
