"""The kinds of event that each sender is known to send, each with a small example of ours.

Offered when a route is written, and the source of `docs/events.md`. Kinds that are not listed are taken all the same,
under the sender's own name for them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tieline_webhooks.domain.senders.catalogue import github, jira, linear, pagerduty, sentry, slack, standard_webhooks
from tieline_webhooks.domain.senders.catalogue.kind import EventKind

__all__ = ["KINDS", "EventKind"]

KINDS: Mapping[str, tuple[EventKind, ...]] = MappingProxyType(
    {
        "sentry": sentry.KINDS,
        "pagerduty": pagerduty.KINDS,
        "github": github.KINDS,
        "linear": linear.KINDS,
        "jira": jira.KINDS,
        "slack": slack.KINDS,
        "standard-webhooks": standard_webhooks.KINDS,
    }
)
"""By the sender's name."""
