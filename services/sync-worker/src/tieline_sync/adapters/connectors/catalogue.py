"""All connectors, by the providers they serve."""

from tieline.clock import Clock
from tieline.outgoing import OutgoingClient

from tieline_sync.adapters.connectors.github import GitHubConnector
from tieline_sync.adapters.connectors.jira import JiraConnector
from tieline_sync.adapters.connectors.linear import LinearConnector
from tieline_sync.adapters.connectors.pagerduty import PagerDutyConnector
from tieline_sync.adapters.connectors.rest import RestConnector
from tieline_sync.adapters.connectors.sentry import SentryConnector
from tieline_sync.adapters.connectors.servicenow import ServiceNowConnector
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.ports import Connector


def connectors(http: OutgoingClient, sessions: Sessions, clock: Clock, *, rest: RestConnector) -> dict[str, Connector]:
    """Return the connectors by provider, in lower case."""
    known: list[Connector] = [
        ServiceNowConnector(http, clock),
        PagerDutyConnector(sessions, clock),
        SentryConnector(sessions),
        LinearConnector(sessions),
        JiraConnector(sessions, clock),
        GitHubConnector(sessions),
        rest,
    ]
    return {provider: connector for connector in known for provider in connector.providers}
