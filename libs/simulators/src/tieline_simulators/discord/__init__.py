"""Discord's API: posting, editing and reading back channel messages."""

from tieline_simulators.discord.simulator import DiscordSimulator

__all__ = ["DiscordSimulator"]
