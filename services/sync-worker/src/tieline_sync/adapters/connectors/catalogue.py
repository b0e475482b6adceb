"""All connectors, by the providers they serve."""

from tieline.clock import Clock
from tieline.outgoing import OutgoingClient

from tieline_sync.adapters.connectors.servicenow import ServiceNowConnector
from tieline_sync.ports import Connector


def connectors(http: OutgoingClient, clock: Clock) -> dict[str, Connector]:
    """Return the connectors by provider, in lower case."""
    known: list[Connector] = [ServiceNowConnector(http, clock)]
    return {provider: connector for connector in known for provider in connector.providers}
