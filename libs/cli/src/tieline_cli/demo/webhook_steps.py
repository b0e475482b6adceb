"""Steps that post webhooks as their senders do, and read what arrived where people look."""

import json
import time
from typing import Any

from tieline_cli.demo import samples
from tieline_cli.demo.gateway import Answer
from tieline_cli.demo.journey import Journey
from tieline_cli.demo.registry_steps import DISCORD_CHANNEL, SLACK_CHANNEL
from tieline_cli.demo.samples import SignedWebhook
from tieline_cli.errors import StepFailedError

_DELIVERY_SECONDS = 15.0
_SETTLE_SECONDS = 0.5
"""Many times what a delivery took just before: what has not come by then does not come."""


def deliver_sentry(journey: Journey) -> None:
    """Turn a new issue in Sentry into a message in Slack."""
    webhook = samples.sentry_issue(journey.run, journey.webhook_secret)
    answer, message, delivered = _posted_and_delivered(journey, webhook, "slack", SLACK_CHANNEL)
    journey.check(answer.body.get("received") and answer.body.get("routed"), f"Sentry is answered {answer.body}")
    for part in (samples.SENTRY_TITLE, "error", samples.PROJECT, samples.SENTRY_LINK):
        journey.check(part in message, f"the message in Slack says “{part}”")
    _remember(journey, "Sentry webhook → Slack message", answer, delivered)


def deliver_pagerduty(journey: Journey) -> None:
    """Turn an incident at PagerDuty into a message in Discord."""
    webhook = samples.pagerduty_incident(journey.run, journey.webhook_secret)
    answer, message, delivered = _posted_and_delivered(journey, webhook, "discord", DISCORD_CHANNEL)
    for part in (samples.PAGERDUTY_TITLE, "high", samples.PAGERDUTY_SERVICE, samples.PAGERDUTY_LINK):
        journey.check(part in message, f"the message in Discord says “{part}”")
    _remember(journey, "PagerDuty webhook → Discord message", answer, delivered)


def repeat_webhooks(journey: Journey) -> None:
    """Repeat what was sent, as senders do; people read each thing once."""
    before = _counts(journey)
    for webhook in _both(journey):
        answer = journey.gateway.webhook(webhook.source, webhook.body, webhook.headers)
        journey.check(answer.status == 200, f"{webhook.source}: the same webhook again is taken with 200")
    _nothing_more(journey, before, "and delivers nothing more")
    journey.remember("The same webhooks again", "2 taken, 0 delivered")


def refuse_forged_webhooks(journey: Journey) -> None:
    """Post with a wrong signature: refused, and nothing comes of it."""
    before = _counts(journey)
    for webhook in _both(journey, secret="not-the-secret"):  # noqa: S106 - a wrong one, on purpose
        answer = journey.gateway.webhook(webhook.source, webhook.body, webhook.headers)
        journey.check(answer.status == 401, f"{webhook.source}: a wrong signature is refused with 401")
    _nothing_more(journey, before, "and delivers nothing")
    journey.remember("Webhooks with a wrong signature", "2 refused with 401, 0 delivered")


def _both(journey: Journey, secret: str | None = None) -> list[SignedWebhook]:
    key = secret or journey.webhook_secret
    return [samples.sentry_issue(journey.run, key), samples.pagerduty_incident(journey.run, key)]


def _posted_and_delivered(
    journey: Journey, webhook: SignedWebhook, channel: str, channel_id: str
) -> tuple[Answer, str, float]:
    """Post `webhook`; return its answer, the message that came, and the milliseconds from the one to the other."""
    before = len(_messages(journey, channel, channel_id))
    began = time.perf_counter()
    answer = journey.gateway.webhook(webhook.source, webhook.body, webhook.headers)
    if answer.status != 200:
        raise StepFailedError(f"the webhook was answered {answer.status}: {answer.body}")
    journey.say(f"POST /api/webhooks/{webhook.source} answered 200 in {answer.milliseconds:.0f} ms")
    message = journey.until(
        lambda: next(iter(_messages(journey, channel, channel_id)[before:]), None),
        f"the message in {channel}",
        seconds=_DELIVERY_SECONDS,
    )
    return answer, message, (time.perf_counter() - began) * 1000


def _remember(journey: Journey, what: str, answer: Answer, delivered: float) -> None:
    took = f"{answer.milliseconds:.0f} ms to the 200, {delivered:.0f} ms to the message"
    journey.shown(took)
    journey.remember(what, "1 delivered", took)


def _messages(journey: Journey, channel: str, channel_id: str) -> list[str]:
    """Return the messages that a simulated channel accepted, each as the text of its whole body."""
    return [
        json.dumps(request["body"], ensure_ascii=False)
        for request in journey.gateway.received(journey.simulators[channel])
        if _is_message(request) and channel_id in json.dumps([request["path"], request["body"]])
    ]


def _is_message(request: dict[str, Any]) -> bool:
    return request["method"] == "POST" and str(request["path"]).endswith(("chat.postMessage", "/messages"))


def _counts(journey: Journey) -> tuple[int, int]:
    return (
        len(_messages(journey, "slack", SLACK_CHANNEL)),
        len(_messages(journey, "discord", DISCORD_CHANNEL)),
    )


def _nothing_more(journey: Journey, before: tuple[int, int], claim: str) -> None:
    time.sleep(_SETTLE_SECONDS)
    journey.check(_counts(journey) == before, claim)
