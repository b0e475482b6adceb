"""How any Kafka client of ours is told where the brokers are and who it is."""

import ssl
from typing import Any

from tieline.kafka.pacing import pace_clients
from tieline.settings import KafkaSettings


def connection_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments every aiokafka client takes."""
    pace_clients()
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = ssl.create_default_context(cafile=settings.ssl_ca_file)
    if settings.security_protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = settings.sasl_password and settings.sasl_password.get_secret_value()
    return arguments
