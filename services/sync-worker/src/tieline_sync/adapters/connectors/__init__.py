"""Connectors: how each provider's records are asked for, page by page."""
