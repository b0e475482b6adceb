"""Records of any API, through an integration's own endpoint."""

from tieline_sync.adapters.connectors.rest.connector import RestConnector

__all__ = ["RestConnector"]
