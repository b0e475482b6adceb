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

__all__ = ["SENDERS", "Expectations", "Headers", "Sender"]

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
