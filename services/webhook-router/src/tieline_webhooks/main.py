"""The process, and the job that applies the indexes."""

from collections.abc import Sequence

from tieline.service import commands

from tieline_webhooks.bootstrap import create_app, create_indexes
from tieline_webhooks.settings import WebhookSettings


def run(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM; with `apply-indexes`, create the indexes that are missing and end."""
    commands.run(
        arguments,
        service="webhook-router",
        settings_type=WebhookSettings,
        create_app=create_app,
        create_indexes=create_indexes,
    )
