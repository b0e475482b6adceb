"""Telegram's Bot API: sending and editing messages."""

from tieline_simulators.telegram.simulator import TelegramSimulator

__all__ = ["TelegramSimulator"]
