"""The process."""

from tieline.service.run import main

from tieline_gateway.bootstrap import create_app
from tieline_gateway.settings import GatewaySettings


def run() -> None:
    """Serve the gateway until SIGTERM."""
    main(service="gateway", settings_type=GatewaySettings, create_app=create_app)
