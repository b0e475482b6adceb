"""ServiceNow incidents through the Table API."""

from tieline_sync.adapters.connectors.servicenow.connector import ServiceNowConnector

__all__ = ["ServiceNowConnector"]
