"""What a delivery needs of a channel: who to be there, and how to reach it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

SECRET_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "slack": ("config.bot_token", "auth.access_token", "config.access_token"),
    "discord": ("config.bot_token", "auth.access_token"),
    "telegram": ("config.bot_token", "auth.access_token"),
    "whatsapp": ("config.access_token", "auth.access_token"),
    "webhook": ("config.signing_secret", "config.webhook_secret"),
}
"""Where an integration keeps a channel's credential, the first that is there counts."""

API_ROOTS: Final[Mapping[str, tuple[str, str]]] = {
    "slack": ("https://slack.com", "/api"),
    "discord": ("https://discord.com", "/api/v10"),
    "telegram": ("https://api.telegram.org", ""),
    "whatsapp": ("https://graph.facebook.com", "/v23.0"),
    "webhook": ("", ""),
}
"""The platform's address, and the root of its interface there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A channel's integration, opened. `secret` is a token, or for webhooks the signing secret(s)."""

    workspace_id: str
    integration_id: str
    revision: int
    channel: str
    base_url: str
    secret: str = field(repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


def base_url(channel: str, configured: object) -> str:
    """Return where a channel's interface is: a configured address without a path gets the platform's root."""
    host, root = API_ROOTS[channel]
    if not isinstance(configured, str) or not configured:
        return host + root
    plain = configured.rstrip("/")
    return plain if urlsplit(plain).path else plain + root
