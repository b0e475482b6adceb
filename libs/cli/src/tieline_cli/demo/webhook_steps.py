"""Steps that post webhooks as their senders do, and read what arrived where people look."""

import json
import secrets
import time
from typing import Any

from tieline_cli.demo import samples
from tieline_cli.demo.gateway import Answer
from tieline_cli.demo.journey import Journey
from tieline_cli.demo.registry_steps import DISCORD_CHANNEL, SLACK_CHANNEL
from tieline_cli.demo.samples import SignedWebhook
from tieline_cli.errors import StepFailedError

_DELIVERY_SECONDS = 15.0
_CHANNELS = {"sentry": ("slack", SLACK_CHANNEL), "pagerduty": ("discord", DISCORD_CHANNEL)}
"""Where the routes send what a source tells."""


def deliver_sentry(journey: Journey) -> None:
    """Turn a new issue in Sentry into a message in Slack."""
    webhook = samples.sentry_issue(journey.run, journey.webhook_secret)
    answer, message, took = _posted_and_delivered(journey, webhook)
    journey.check(answer.body.get("received") and answer.body.get("routed"), f"Sentry is answered {answer.body}")
    for part in (samples.SENTRY_TITLE, "error", samples.PROJECT, samples.SENTRY_LINK):
        journey.check(part in message, f"the message in Slack says “{part}”")
    journey.remember("Sentry webhook → Slack message", "1 delivered", took)


def deliver_pagerduty(journey: Journey) -> None:
    """Turn an incident at PagerDuty into a message in Discord."""
    webhook = samples.pagerduty_incident(journey.run, journey.webhook_secret)
    _, message, took = _posted_and_delivered(journey, webhook)
    for part in (samples.PAGERDUTY_TITLE, "high", samples.PAGERDUTY_SERVICE, samples.PAGERDUTY_LINK):
        journey.check(part in message, f"the message in Discord says “{part}”")
    journey.remember("PagerDuty webhook → Discord message", "1 delivered", took)


def repeat_webhooks(journey: Journey) -> None:
    """Repeat what was sent, as senders do; people read each thing once."""
    for webhook in _both(journey.run, journey.webhook_secret):
        answer = journey.gateway.webhook(webhook.source, webhook.body, webhook.headers)
        journey.check(answer.status == 200, f"{webhook.source}: the same webhook again is taken with 200")
    _deliver_something_new(journey)
    for webhook in _both(journey.run, journey.webhook_secret):
        journey.check(len(_about(journey, webhook)) == 1, f"{webhook.source}: and its message is still the only one")
    journey.remember("The same webhooks again", "2 taken, 0 delivered")


def refuse_forged_webhooks(journey: Journey) -> None:
    """Post with a wrong signature: refused, and nothing comes of it."""
    forged = _both(secrets.token_hex(16), "not-the-secret")
    for webhook in forged:
        answer = journey.gateway.webhook(webhook.source, webhook.body, webhook.headers)
        journey.check(answer.status == 401, f"{webhook.source}: a wrong signature is refused with 401")
    _deliver_something_new(journey)
    for webhook in forged:
        journey.check(not _about(journey, webhook), f"{webhook.source}: and delivers nothing")
    journey.remember("Webhooks with a wrong signature", "2 refused with 401, 0 delivered")


def _both(run: str, secret: str) -> list[SignedWebhook]:
    return [samples.sentry_issue(run, secret), samples.pagerduty_incident(run, secret)]


def _deliver_something_new(journey: Journey) -> None:
    """Let a new message go down each way, so that what was sent before it has arrived too, if it ever does."""
    for webhook in _both(secrets.token_hex(16), journey.webhook_secret):
        _posted_and_delivered(journey, webhook, quiet=True)


def _posted_and_delivered(journey: Journey, webhook: SignedWebhook, *, quiet: bool = False) -> tuple[Answer, str, str]:
    """Post `webhook`; return its answer, the message that came of it, and how long both took."""
    began = time.perf_counter()
    answer = journey.gateway.webhook(webhook.source, webhook.body, webhook.headers)
    if answer.status != 200:
        raise StepFailedError(f"POST /api/webhooks/{webhook.source} answered {answer.status}: {answer.body}")
    channel, _ = _CHANNELS[webhook.source]
    message = journey.until(
        lambda: next(iter(_about(journey, webhook)), None), f"the message in {channel}", seconds=_DELIVERY_SECONDS
    )
    delivered = (time.perf_counter() - began) * 1000
    took = f"{answer.milliseconds:.0f} ms to the 200, {delivered:.0f} ms to the message"
    if not quiet:
        journey.shown(f"POST /api/webhooks/{webhook.source}: {took}")
    return answer, message, took


def _about(journey: Journey, webhook: SignedWebhook) -> list[str]:
    """Return the messages that arrived about what `webhook` tells of, each as the text of its whole body."""
    channel, channel_id = _CHANNELS[webhook.source]
    messages = [
        json.dumps(request["body"], ensure_ascii=False)
        for request in journey.gateway.received(journey.simulators[channel])
        if _is_message(request) and channel_id in json.dumps([request["path"], request["body"]])
    ]
    return [message for message in messages if webhook.about in message]


def _is_message(request: dict[str, Any]) -> bool:
    return request["method"] == "POST" and str(request["path"]).endswith(("chat.postMessage", "/messages"))
