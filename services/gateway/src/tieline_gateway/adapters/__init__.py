"""Translate out: commands to the registry over Kafka."""
