"""The process."""

from tieline.service.run import main

from tieline_webhooks.bootstrap import create_app
from tieline_webhooks.settings import WebhookSettings


def run() -> None:
    """Serve the webhook router until SIGTERM."""
    main(service="webhook-router", settings_type=WebhookSettings, create_app=create_app)
