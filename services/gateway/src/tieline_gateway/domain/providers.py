"""The third-party services Tieline knows by name, and how a free-form service name is recognised."""

import re
from typing import Final

from tieline_gateway.domain.bulk_types import TYPES

NAMES: Final = {
    "pagerduty": "PagerDuty",
    "linear": "Linear",
    "sentry": "Sentry",
    "slack": "Slack",
    "github": "GitHub",
    "jira": "Jira",
    "confluence": "Confluence",
    "servicenow": "ServiceNow",
    "discord": "Discord",
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
    "webhook": "Webhook",
}
"""Provider id and how it is written for people."""

BULK_TYPES: Final = frozenset(TYPES)
"""Types of the bulk surface. Their configuration keeps the keys of its table, tokens included."""

LONGEST_SLUG = 64
_BY_LETTERS: Final = {re.sub(r"[^a-z0-9]", "", provider): provider for provider in (*NAMES, *BULK_TYPES)}


def display_name(provider: str) -> str:
    """Return how `provider` is written for people."""
    return NAMES.get(provider, provider)


def slug(text: str) -> str:
    """Return `text` as a slug of lower-case letters, digits and hyphens; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_SLUG].strip("-") or "custom"


def recognise(service_name: str) -> str | None:
    """Return the provider that `service_name` names, or None.

    The longest run of words that is a known name wins, the leftmost of equals: `ServiceNow Production` and
    `Production Service Now` are both `servicenow`.
    """
    words = re.findall(r"[a-z0-9]+", service_name.lower())
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            known = _BY_LETTERS.get("".join(words[start : start + length]))
            if known is not None:
                return known
    return None
