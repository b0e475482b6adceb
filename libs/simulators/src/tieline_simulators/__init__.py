"""HTTP stand-ins for the providers that Tieline talks to: their paths, rules and errors, and faults on request."""

from tieline_simulators.discord import DiscordSimulator
from tieline_simulators.faults import Fault, Target
from tieline_simulators.pagerduty import PagerDutySimulator
from tieline_simulators.received import ReceivedRequest
from tieline_simulators.servicenow import ServiceNowSimulator
from tieline_simulators.serving import StandInStartError, running
from tieline_simulators.slack import SlackSimulator

__all__ = [
    "DiscordSimulator",
    "Fault",
    "PagerDutySimulator",
    "ReceivedRequest",
    "ServiceNowSimulator",
    "SlackSimulator",
    "StandInStartError",
    "Target",
    "running",
]
