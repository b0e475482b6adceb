"""How each channel is written to: one module per platform. A message's body is made by `domain.messages`."""

from collections.abc import Mapping
from types import MappingProxyType

from tieline.clock import Clock
from tieline.outgoing import HostClients

from tieline_webhooks.adapters.channels.discord import DiscordChannel
from tieline_webhooks.adapters.channels.slack import SlackChannel
from tieline_webhooks.adapters.channels.telegram import TelegramChannel
from tieline_webhooks.adapters.channels.webhook import WebhookChannel
from tieline_webhooks.adapters.channels.whatsapp import WhatsAppChannel
from tieline_webhooks.ports import ChannelClient

__all__ = ["build_channels"]


def build_channels(caller: HostClients, clock: Clock) -> Mapping[str, ChannelClient]:
    """Return the clients by the channel's name."""
    return MappingProxyType(
        {
            "slack": SlackChannel(caller),
            "discord": DiscordChannel(caller),
            "telegram": TelegramChannel(caller),
            "whatsapp": WhatsAppChannel(caller),
            "webhook": WebhookChannel(caller, clock),
        }
    )
