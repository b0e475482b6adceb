"""The ways in: Kafka for commands and sync events, HTTP for reads by the other services."""
