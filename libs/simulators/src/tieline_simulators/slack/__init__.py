"""Slack's Web API: posting, updating and reading back messages."""

from tieline_simulators.slack.simulator import SlackSimulator

__all__ = ["SlackSimulator"]
