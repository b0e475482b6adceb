"""HTTP stand-ins for the providers that Tieline talks to: their paths, rules and errors, and faults on request."""

from tieline_simulators.discord import DiscordSimulator
from tieline_simulators.faults import Fault, Target
from tieline_simulators.github import GitHubSimulator
from tieline_simulators.jira import JiraSimulator
from tieline_simulators.linear import LinearSimulator
from tieline_simulators.pagerduty import PagerDutySimulator
from tieline_simulators.received import ReceivedRequest
from tieline_simulators.sentry import SentrySimulator
from tieline_simulators.servicenow import ServiceNowSimulator
from tieline_simulators.serving import StandInStartError, running
from tieline_simulators.slack import SlackSimulator
from tieline_simulators.telegram import TelegramSimulator
from tieline_simulators.webhook import WebhookSimulator
from tieline_simulators.whatsapp import WhatsAppSimulator

__all__ = [
    "DiscordSimulator",
    "Fault",
    "GitHubSimulator",
    "JiraSimulator",
    "LinearSimulator",
    "PagerDutySimulator",
    "ReceivedRequest",
    "SentrySimulator",
    "ServiceNowSimulator",
    "SlackSimulator",
    "StandInStartError",
    "Target",
    "TelegramSimulator",
    "WebhookSimulator",
    "WhatsAppSimulator",
    "running",
]
