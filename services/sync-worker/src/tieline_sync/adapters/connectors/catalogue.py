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
from tieline_sync.adapters.connectors.watched import WatchedConnector
from tieline_sync.adapters.providers.session import Sessions
from tieline_sync.handlers.health_log import HealthLog
from tieline_sync.handlers.tokens import Tokens
from tieline_sync.ports import Connector


def connectors(
    http: OutgoingClient,
    sessions: Sessions,
    tokens: Tokens,
    clock: Clock,
    *,
    rest: RestConnector,
    health: HealthLog,
) -> dict[str, Connector]:
    """Return the connectors by provider, in lower case. `rest` takes down itself how its calls go."""
    vendors: list[Connector] = [
        ServiceNowConnector(http, tokens, clock),
        PagerDutyConnector(sessions, clock),
        SentryConnector(sessions),
        LinearConnector(sessions),
        JiraConnector(sessions, clock),
        GitHubConnector(sessions),
    ]
    known: list[Connector] = [rest, *(WatchedConnector(vendor, health) for vendor in vendors)]
    return {provider: connector for connector in known for provider in connector.providers}
