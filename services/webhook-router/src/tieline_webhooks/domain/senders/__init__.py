"""Who may post webhooks, and how their requests are proved and read. One module per sender."""

from collections.abc import Mapping
from types import MappingProxyType

from tieline_webhooks.domain.senders.base import Expectations, Headers, Sender
from tieline_webhooks.domain.senders.github import GitHubSender
from tieline_webhooks.domain.senders.jira import JiraSender
from tieline_webhooks.domain.senders.linear import LinearSender
from tieline_webhooks.domain.senders.pagerduty import PagerDutySender
from tieline_webhooks.domain.senders.sentry import SentrySender
from tieline_webhooks.domain.senders.slack import SlackSender
from tieline_webhooks.domain.senders.standard_webhooks import StandardWebhooksSender

__all__ = ["SENDERS", "Expectations", "Headers", "Sender", "find_sender"]

_ALL: tuple[Sender, ...] = (
    SentrySender(),
    PagerDutySender(),
    GitHubSender(),
    LinearSender(),
    JiraSender(),
    SlackSender(),
    StandardWebhooksSender(),
)

SENDERS: Mapping[str, Sender] = MappingProxyType({sender.name: sender for sender in _ALL})
"""By the path segment of their hook address, which is also the source of their events."""

_BY_PROVIDER = {sender.provider: sender for sender in _ALL}


def find_sender(segment: str) -> Sender | None:
    """Return the sender whose hook address has this segment: its name, or the integration type that proves it."""
    return SENDERS.get(segment) or _BY_PROVIDER.get(segment)
